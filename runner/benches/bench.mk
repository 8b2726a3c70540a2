# Speed: the runner against a bare axum server, see docs/performance.md.
#   make bench         everything, into the tables of docs/performance.md; under ten minutes
#   make bench-quick   the main figures, under a minute
#   make bench-rooms   each room a run passes through, by itself

SPEED     := runner/benches/speed
SPEED_OUT := target/speed
SPEED_CC  := $(CC) -O2 -Iaction-abi/include -Iactions/faults/c
SPEED_RUN  = $(SPEED_OUT)/release/speed --runner $(RUNNER) --rust $(REVERSE)/release/libreverse.so \
	--c $(SPEED_OUT)/reverse.so --echo $(SPEED_OUT)/identity.so --dies $(SPEED_OUT)/die.so --program $(SPEED_OUT)/program

.PHONY: bench-build bench-rooms

bench: bench-build
	$(SPEED_RUN) --document docs/performance.md

bench-quick: bench-build
	$(SPEED_RUN) --quick

bench-rooms: bench-build
	SPEED_RUST=$(abspath $(REVERSE)/release/libreverse.so) SPEED_C=$(abspath $(SPEED_OUT)/reverse.so) \
	SPEED_ECHO=$(abspath $(SPEED_OUT)/identity.so) \
	cargo bench --manifest-path runner/benches/rooms/Cargo.toml --target-dir target/rooms

bench-build: build $(REVERSE)/release/libreverse.so $(SPEED_OUT)/reverse.so $(SPEED_OUT)/identity.so $(SPEED_OUT)/die.so $(SPEED_OUT)/program
	cargo build --release --manifest-path $(SPEED)/Cargo.toml --target-dir $(SPEED_OUT)

$(SPEED_OUT)/reverse.so: actions/reverse/c/reverse.c $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $<

$(SPEED_OUT)/%.so: actions/faults/c/%.c actions/faults/c/fault.h $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $< -lpthread

$(SPEED_OUT)/program: $(SPEED)/actions/program.c
	@mkdir -p $(@D)
	$(CC) -O2 -o $@ $<
