#!/bin/sh
# Writes the build context of the images to stdout as a tar archive: the sources that an image needs, without what
# git ignores; with VENDOR=DIR the crates in it as vendor/, with PREBUILT=FILE that runner as
# prebuilt/action-runner. Used as `docker/context.sh | docker build -f docker/runner/Dockerfile -`.
set -eu
cd "$(dirname "$0")/.."

fixed="--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

git ls-files --cached --others --exclude-standard -z -- Cargo.toml Cargo.lock action-abi actions/go runner \
    docker/runner docker/builder |
    tar --null --ignore-failed-read --files-from=- -c 2>/dev/null | tar -C "$tree" -x
[ -z "${VENDOR:-}" ] || ln -s "$(realpath "$VENDOR")" "$tree/vendor"
if [ -n "${PREBUILT:-}" ]; then
    mkdir "$tree/prebuilt"
    cp "$PREBUILT" "$tree/prebuilt/action-runner"
fi
# Links are followed: `vendor` is one, and the sources hold none.
# shellcheck disable=SC2086
tar -C "$tree" $fixed --dereference -c .
