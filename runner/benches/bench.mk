# Speed: the runner against a bare axum server, see docs/performance.md. Each writes its part of that document, its
# tables and its plots; all end by themselves.
#   make bench         everybody against everybody, and the goals; under ten minutes
#   make bench-cores   more workers, and more runs at once; about three minutes
#   make bench-growth  how cost grows with connections, body, concurrency, rate, size of the library; about six minutes
#   make bench-fleet   a simulation of a fleet of containers, from measured figures; about one minute
#   make bench-quick   prints the main figures, under a minute
#   make bench-rooms   prints what each room takes that a run passes through, and what loading a library takes

SPEED     := runner/benches/speed
SPEED_OUT := target/speed
SPEED_CC  := $(CC) -O2 -Iaction-abi/include -Iactions/faults/c
SPEED_RUN  = $(SPEED_OUT)/release/speed $(1) --runner $(RUNNER) --rust $(REVERSE)/release/libreverse.so \
	--c $(SPEED_OUT)/reverse.so --echo $(SPEED_OUT)/identity.so --dies $(SPEED_OUT)/die.so --program $(SPEED_OUT)/program \
	--works $(SPEED_OUT)/works.so --ballast $(SPEED_OUT)/ballast
SPEED_DOC := --document docs/performance.md

# Echoes with so many kilobytes of ballast.
BALLASTS  := 0 400 1300 4000 13000 40000

.PHONY: bench bench-quick bench-cores bench-growth bench-fleet bench-build bench-rooms

bench: bench-build
	$(call SPEED_RUN) $(SPEED_DOC)

bench-cores: bench-build
	$(call SPEED_RUN,cores) $(SPEED_DOC)

bench-growth: bench-build $(BALLASTS:%=$(SPEED_OUT)/ballast/%.so)
	$(call SPEED_RUN,growth) $(SPEED_DOC)

bench-fleet: bench-build
	$(call SPEED_RUN,fleet) $(SPEED_DOC)

bench-quick: bench-build
	$(call SPEED_RUN) --quick

bench-rooms: bench-build $(SPEED_OUT)/empty.so
	cargo build --release --manifest-path runner/benches/rooms/actions/rust/Cargo.toml --target-dir $(SPEED_OUT)/empty
	SPEED_RUST=$(abspath $(REVERSE)/release/libreverse.so) SPEED_C=$(abspath $(SPEED_OUT)/reverse.so) \
	SPEED_ECHO=$(abspath $(SPEED_OUT)/identity.so) SPEED_EMPTY_C=$(abspath $(SPEED_OUT)/empty.so) \
	SPEED_EMPTY_RUST=$(abspath $(SPEED_OUT)/empty/release/libempty.so) \
	cargo bench --manifest-path runner/benches/rooms/Cargo.toml --target-dir target/rooms

bench-build: build $(REVERSE)/release/libreverse.so $(SPEED_OUT)/reverse.so $(SPEED_OUT)/identity.so $(SPEED_OUT)/die.so \
		$(SPEED_OUT)/works.so $(SPEED_OUT)/program
	cargo build --release --manifest-path $(SPEED)/Cargo.toml --target-dir $(SPEED_OUT)

$(SPEED_OUT)/reverse.so: actions/reverse/c/reverse.c $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $<

$(SPEED_OUT)/empty.so: runner/benches/rooms/actions/empty.c $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $<

$(SPEED_OUT)/%.so: actions/faults/c/%.c actions/faults/c/fault.h $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $< -lpthread

$(SPEED_OUT)/%.so: $(SPEED)/actions/%.c actions/faults/c/fault.h $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -fPIC -fvisibility=hidden -shared -o $@ $<

$(SPEED_OUT)/ballast/%.so: $(SPEED)/actions/ballast.c actions/faults/c/fault.h $(HEADERS)
	@mkdir -p $(@D)
	$(SPEED_CC) -DKILOBYTES=$* -fPIC -fvisibility=hidden -shared -o $@ $<

$(SPEED_OUT)/program: $(SPEED)/actions/program.c
	@mkdir -p $(@D)
	$(CC) -O2 -o $@ $<
