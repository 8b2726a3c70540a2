# Everything at once, for SOAK_SECONDS in all (default 120): one run at a time, two workers, three runs at once.
# SOAK_SEED=N repeats a run. Ends in zeros, or fails.

.PHONY: soak fault-times

soak: build
	SOAK_SECONDS=$${SOAK_SECONDS:-120} cargo test -p black-box --test main -- soak:: --nocapture --test-threads=1

# From each fault to its 502, and from there to the next right answer.
fault-times: build
	cargo test -p black-box --test main -- faults::timing --ignored --nocapture
