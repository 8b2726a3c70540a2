#!/bin/sh
# Builds the images action-runner, action-runner:cc and action-builder from the sources as they are on disk.
# Crates are fetched by this machine's cargo where there is one, since a container may not be able to reach them;
# RUNNER=FILE takes a runner that is built already instead of compiling one. Checking is left to check.sh.
set -eu
cd "$(dirname "$0")/.."

OUT=target/image
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
VENDOR=
mkdir -p "$OUT"

say() { echo "image: $*"; }

# Fetched once for each Cargo.lock. What is for Windows is most of the bulk, and of that no build reads more than the
# manifests, and that there is a lib.rs.
vendor() {
    command -v cargo >/dev/null || return 0
    VENDOR=$OUT/vendor
    cmp -s Cargo.lock "$OUT/vendored.lock" && return 0
    say "fetching crates"
    rm -rf "$VENDOR"
    cargo vendor --quiet --locked --versioned-dirs "$VENDOR" >/dev/null
    find "$VENDOR"/win* -type f ! -name Cargo.toml ! -name .cargo-checksum.json ! -name lib.rs -delete
    cp Cargo.lock "$OUT/vendored.lock"
}

# Says every quarter of a minute what the build is at, for as long as this script runs.
progress() {
    seconds=0
    while sleep 15 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 15))
        say "  $seconds s: $(tail -n 1 "$OUT/build.log" | tr -d '\033\r' | cut -c1-90)"
    done
}

# build TAG DOCKERFILE [ARGUMENT...]: the engine's own words only if it fails.
build() {
    tag=$1 file=$2
    shift 2
    say "building $tag"
    : >"$OUT/build.log"
    progress &
    ticking=$!
    built=yes
    docker build --file "$file" --tag "$tag" --build-arg "VERSION=$VERSION" --build-arg "REVISION=$REVISION" "$@" - \
        <"$OUT/context.tar" >"$OUT/build.log" 2>&1 || built=no
    kill $ticking
    [ $built = yes ] || { tail -n 40 "$OUT/build.log" >&2; exit 1; }
}

[ -n "${RUNNER:-}" ] || say "compiling takes minutes, a quarter of an hour on two busy cores; what it says is in $OUT/build.log"
docker/stand-ins.sh
vendor
VENDOR=$VENDOR PREBUILT=${RUNNER:-} docker/context.sh >"$OUT/context.tar"
build action-runner docker/runner/Dockerfile --target runner ${NO_CACHE:+--no-cache}
build action-runner:cc docker/runner/Dockerfile --target cc
docker tag action-runner "action-runner:$VERSION"
docker tag action-runner:cc "action-runner:$VERSION-cc"
build action-builder docker/builder/Dockerfile
docker build --quiet --tag action-proxy docker/proxy >/dev/null 2>&1
