#!/bin/sh
# Builds sample actions and puts each on the runner image with its own two-line Dockerfile: action-reverse-rust,
# action-reverse-c and action-greeter. Compiled by this machine's compilers; `inspect` in the image has the last word.
set -eu
cd "$(dirname "$0")/.."

OUT=$PWD/target/image

# image NAME FOLDER LIBRARY
image() {
    context=$OUT/$1
    mkdir -p "$context"
    cp "$3" "$context/libaction.so"
    docker build --quiet --file "$2/Dockerfile" --tag "$1" "$context" >/dev/null 2>&1
    docker run --rm --network none "$1" inspect /action/libaction.so >/dev/null
    echo "image: $1"
}

# rust NAME FOLDER CRATE
rust() {
    cargo build --quiet --release --manifest-path "$2/Cargo.toml" --target-dir "$OUT/cargo"
    image "$1" "$2" "$OUT/cargo/release/lib$3.so"
}

c() {
    cc -O2 -shared -fPIC -Iaction-abi/include -o "$OUT/$1.so" "$2"/*.c
    image "$1" "$2" "$OUT/$1.so"
}

mkdir -p "$OUT"
rust action-reverse-rust actions/reverse/rust reverse
c action-reverse-c actions/reverse/c
rust action-greeter actions/greeter greeter
