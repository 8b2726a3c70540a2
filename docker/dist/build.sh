#!/bin/sh
# Compiles the runner for a package and prints where it lies. The same sources, lock file and compiler give the same
# bytes in whatever folder they lie: no path of this machine gets into the binary.
set -eu
cd "$(dirname "$0")/../.."

SOURCE=$PWD
OUT=$SOURCE/target/dist-build
CRATES=${CARGO_HOME:-$HOME/.cargo}
SYSROOT=$(rustc --print sysroot)
COMMIT=$(rustc -vV | sed -n 's/^commit-hash: //p')

# Inlining a quarter as eager as usual, as in the Makefile. The last name that fits counts. The folder of the crates is
# named after where they came from, which may be a mirror. Not RUSTFLAGS, which knows no path with a blank in it.
flags() {
    printf '%s\037' -C llvm-args=-inline-threshold=50
    printf -- '--remap-path-prefix=%s\037' "$SYSROOT/lib/rustlib/src/rust=/rustc/$COMMIT" "$SOURCE=/src" "$OUT=/src/target"
    printf -- '--remap-path-prefix=%s' "$CRATES=/cargo"
    for folder in "$CRATES"/registry/src/*/; do printf -- '\037--remap-path-prefix=%s' "${folder%/}=/crates"; done
}

cargo fetch --quiet --locked
unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(flags)
CARGO_INCREMENTAL=0
export CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL
cargo build --release --locked --package action-runner --target-dir "$OUT" >&2
echo "$OUT/release/action-runner"
