#!/bin/sh
# Writes target/image/action-runner.cdx.json: what the image consists of, as CycloneDX. The crates come from
# cargo-cyclonedx (installed into target/image/tools on first use), the Debian packages from the image itself.
set -eu
cd "$(dirname "$0")/.."

VERSION=0.5.9
OUT=$PWD/target/image
PATH=$PATH:$OUT/tools/bin

if ! command -v cargo-cyclonedx >/dev/null; then
    echo "image: compiling cargo-cyclonedx, once (a few minutes)"
    cargo install --locked --root "$OUT/tools" "cargo-cyclonedx@$VERSION"
fi
cargo cyclonedx --quiet --manifest-path runner/Cargo.toml --format json --spec-version 1.5 \
    --override-filename sbom-of-the-crates
mv runner/sbom-of-the-crates.json "$OUT/crates.cdx.json"
rm -f action-abi/sbom-of-the-crates.json tests/sbom-of-the-crates.json

container=$(docker create action-runner)
docker cp "$container:/var/lib/dpkg/status.d" - >"$OUT/packages.tar"
docker rm "$container" >/dev/null
python3 docker/sbom.py "$OUT/crates.cdx.json" "$OUT/packages.tar" >"$OUT/action-runner.cdx.json"
echo "image: $OUT/action-runner.cdx.json"
