#!/bin/sh
# Holds the built images to their figures: prints each layer with its digest and sizes, and fails when an image is
# larger than it may be or is not what it says. With --twice it builds the runner image again, without a cache, and
# compares the digests of the layers.
set -eu
cd "$(dirname "$0")/.."

UNPACKED_LIMIT=6000000
COMPRESSED_LIMIT=3000000
failed=no

say() { echo "image: $*"; }
wrong() { say "WRONG: $*"; failed=yes; }
field() { docker image inspect --format "$2" "$1"; }

# layers IMAGE: digest, bytes of the archive, bytes of it compressed, for each layer.
layers() {
    folder=$(mktemp -d)
    docker save "$1" | tar -x -C "$folder"
    for layer in $(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))[0]["Layers"])' "$folder/manifest.json"); do
        file=$folder/$layer
        echo "sha256:$(sha256sum <"$file" | cut -c1-64) $(wc -c <"$file") $(gzip -9n <"$file" | wc -c)"
    done
    rm -rf "$folder"
}

sizes() {
    image=$1 table=$(layers "$1")
    say "$image"
    echo "$table" | awk '{ printf "  %.19s… %9d unpacked %9d compressed\n", $1, $2, $3 }'
    unpacked=$(echo "$table" | awk '{ sum += $2 } END { print sum }')
    compressed=$(echo "$table" | awk '{ sum += $3 } END { print sum }')
    say "$image: $unpacked bytes unpacked, $compressed compressed"
}

check_size() {
    [ "$unpacked" -lt "$UNPACKED_LIMIT" ] || wrong "$image has $unpacked bytes, and may have $UNPACKED_LIMIT"
    [ "$compressed" -lt "$COMPRESSED_LIMIT" ] || wrong "$image has $compressed bytes to pull, and may have $COMPRESSED_LIMIT"
}

check_settings() {
    [ "$(field "$1" '{{.Config.User}}')" = 65532:65532 ] || wrong "$1 does not run as 65532"
    [ "$(field "$1" '{{json .Config.ExposedPorts}}')" = '{"8080/tcp":{}}' ] || wrong "$1 does not expose 8080 alone"
    [ "$(field "$1" '{{index .Config.Healthcheck.Test 2}}')" = healthcheck ] || wrong "$1 has no health check"
    timeout 20 docker run --rm --network none "$1" --version >/dev/null || wrong "$1 does not start"
}

check_digests() {
    first=$(field action-runner '{{json .RootFS.Layers}}')
    say "building action-runner again, without a cache"
    NO_CACHE=yes docker/build.sh >/dev/null
    [ "$first" = "$(field action-runner '{{json .RootFS.Layers}}')" ] || wrong "the same sources gave other digests"
}

sizes action-runner
check_size
check_settings action-runner
sizes action-runner:cc
check_settings action-runner:cc
[ "${1:-}" != --twice ] || check_digests
[ "$failed" = no ]
