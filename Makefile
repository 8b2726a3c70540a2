# make demo   builds the runner and the reverse action, serves it, shows one run
# make test   everything that can be checked on this machine
# make bench  the runner against a bare axum server
# make fuzz   a minute for each target
# make abi    the matrix of compilers and languages
# make image  the images, built and checked
# make dist   a tarball and a Debian package
# make deny   licences, sources and versions of the dependencies

RUNNER  := target/release/action-runner
REVERSE := target/actions/reverse
DEMO    := 127.0.0.1:8080
HEADERS := action-abi/include/action.h

.PHONY: demo build test lint unit black-box fuzz abi abi-quick valgrind miri deny

# Inlining a quarter as eager as usual (docker/runner/compile.sh does the same): a run takes 1 % longer, and of the
# memory of an idle runner, most of which is its own code, 5 % are saved.
build:
	RUSTFLAGS="$$RUSTFLAGS -C llvm-args=-inline-threshold=50" cargo build --release -p action-runner

# The action is compiled by a cargo of its own, in a folder of its own: the runner knows nothing of it.
$(REVERSE)/release/libreverse.so: $(wildcard actions/reverse/rust/src/*.rs actions/reverse/rust/Cargo.* action-abi/src/*.rs)
	cargo build --release --manifest-path actions/reverse/rust/Cargo.toml --target-dir $(REVERSE)

demo: build $(REVERSE)/release/libreverse.so
	@actions/demo.sh $(RUNNER) $(REVERSE)/release/libreverse.so $(DEMO)

test: lint unit black-box
	@$(MAKE) --no-print-directory abi-quick image-test

lint:
	cargo fmt --all --check
	for bench in speed rooms; do cargo fmt --check --manifest-path runner/benches/$$bench/Cargo.toml || exit 1; done
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

unit:
	cargo test -p action-abi
	cargo test -p action-abi --features schema
	cargo test -p action-abi --features tokio
	cargo test -p action-runner

black-box: build
	cargo test -p black-box --test main

# Memory that is used wrongly: action-abi's tests, and libraries of both dialects as `invoke` calls them. (The server itself
# cannot be run so: valgrind does not know the clone of a keeper.)
VALGRIND := valgrind --quiet --error-exitcode=9

valgrind: build $(REVERSE)/release/libreverse.so target/valgrind/identity.so
	CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="$(VALGRIND)" cargo test -p action-abi --lib --test abi --test api
	for library in $(REVERSE)/release/libreverse.so target/valgrind/identity.so; do \
		$(VALGRIND) $(RUNNER) invoke $$library --repeat 20 '{"payload":"stressed"}' >/dev/null || exit 1; done

target/valgrind/%.so: actions/faults/c/%.c actions/faults/c/fault.h $(HEADERS)
	@mkdir -p $(@D)
	$(CC) -g -fPIC -shared -Iaction-abi/include -Iactions/faults/c -o $@ $<

# Undefined behaviour in action-abi, where a toolchain has Miri.
miri:
	@if cargo +nightly miri --version >/dev/null 2>&1; then cargo +nightly miri test -p action-abi --lib --test abi; \
	else echo "miri left out: no toolchain here has it"; fi

# deny.toml says what may be compiled in. Known problems are left out, with a line that says so, where their database
# cannot be reached.
DENY := $(CURDIR)/target/tools/bin/cargo-deny

deny: | $(DENY)
	$(DENY) --all-features check licenses bans sources
	@if $(DENY) fetch db >/dev/null 2>&1; then $(DENY) --all-features check --disable-fetch advisories; \
	else echo "advisories left out: their database cannot be reached"; fi

$(DENY):
	cargo install --locked --root target/tools --target-dir target/tools/build cargo-deny@0.20.2

# Five targets over what strangers can send.
fuzz:
	FUZZ_SECONDS=$${FUZZ_SECONDS:-60} cargo test -p action-runner --test fuzz -- --nocapture --test-threads=2

# Every compiler and language on this machine; `abi-quick` the far corners only.
abi: build
	actions/matrix/run.sh all

abi-quick: build
	actions/matrix/run.sh fast

include docker/image.mk docker/dist/dist.mk
-include runner/benches/bench.mk tests/soak.mk
