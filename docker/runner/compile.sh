#!/bin/sh
# Runs in the image build: leaves the runner at /action-runner. The crates always lie in /src/vendor, fetched
# here or given with the context, because their paths end up in the binary.
set -eu
cd /src

if [ -f prebuilt/action-runner ]; then
    cp prebuilt/action-runner /action-runner
    exit 0
fi

# The tests are no part of the image's context; what is locked stays locked without them.
sed -i 's/"tests"//' Cargo.toml

[ -d vendor ] || cargo vendor --quiet --versioned-dirs vendor >/dev/null

# Relocations in packed form: they are a thirtieth of the size, and the loader of this glibc or a newer one knows them.
# Inlining a quarter as eager as usual, as in the Makefile.
export RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs -C llvm-args=-inline-threshold=50"
# Equal functions once: a sixtieth. Only the linker that rustc brings for x86-64 can do it.
[ "$(uname -m)" != x86_64 ] || RUSTFLAGS="$RUSTFLAGS -C link-arg=-Wl,--icf=all"
cargo build --release --offline --package action-runner \
    --config 'source.crates-io.replace-with="vendored"' \
    --config 'source.vendored.directory="vendor"'
cp target/release/action-runner /action-runner
