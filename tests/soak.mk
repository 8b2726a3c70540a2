# Everything at once, for SOAK_SECONDS (default 120); SOAK_SEED=N repeats a run. Ends in zeros, or fails.

.PHONY: soak

soak: build
	SOAK_SECONDS=$${SOAK_SECONDS:-120} cargo test -p black-box --test main -- --exact soak::soak --nocapture
