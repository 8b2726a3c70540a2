#!/bin/sh
# Leaves in target/dist: a tarball, a Debian package, what they consist of (CycloneDX), and SHA256SUMS. Equal sources, of
# the same commit, with the same compiler give the same files. RUNNER=FILE takes a runner that is built already.
# For amd64 only: no other machine has been tested.
set -eu
cd "$(dirname "$0")/../.."
umask 022

OUT=$PWD/target/dist
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
NAME=action-runner-$VERSION-linux-amd64
SBOM=$OUT/action-runner-$VERSION.cdx.json
MAINTAINER=${MAINTAINER:-action-runner developers <unset@example.invalid>}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC

say() { echo "dist: $*"; }

[ "$(uname -m)" = x86_64 ] || { say "packages are made on amd64 only; this is $(uname -m)"; exit 1; }
for tool in dpkg-deb objdump python3; do
    command -v $tool >/dev/null || { say "$tool is missing: install dpkg, binutils and python3"; exit 1; }
done

if [ -z "${RUNNER:-}" ]; then
    say "compiling the runner (some minutes)"
    RUNNER=$(docker/dist/build.sh)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
docs=$tree/share/doc/action-runner
rm -rf "$OUT"
mkdir -p "$OUT" "$tree/include/action-runner" "$tree/share/action-runner" "$docs"

# What both consist of, below / or /usr.
install -D -m 0755 "$RUNNER" "$tree/bin/action-runner"
cp action-abi/include/action.h action-abi/include/action.hpp "$tree/include/action-runner/"
cp README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE "$docs/"
cp -R docs "$docs/docs"
python3 docker/dist/crates.py sbom "$VERSION" >"$SBOM"
python3 docker/dist/crates.py notices >"$docs/LICENSES-OF-CRATES"

# The crate that actions in Rust are compiled against.
crate_version=$(sed -n 's/^version = "\(.*\)"/\1/p' action-abi/Cargo.toml | head -n 1)
cargo package --quiet --package action-abi --no-verify --allow-dirty --target-dir target/dist-build
tar -x -f "target/dist-build/package/action-abi-$crate_version.crate" -C "$tree/share/action-runner"
mv "$tree/share/action-runner/action-abi-$crate_version" "$tree/share/action-runner/action-abi"
rm -f "$tree/share/action-runner/action-abi/.cargo_vcs_info.json"

normalise() {
    find "$1" -type d -exec chmod 0755 {} +
    find "$1" -type f ! -path '*/bin/*' -exec chmod 0644 {} +
    find "$1" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
}

tarball() {
    cp -R "$tree" "$work/$NAME"
    normalise "$work/$NAME"
    tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -c "$NAME" |
        gzip -9n >"$OUT/$NAME.tar.gz"
    say "$NAME.tar.gz"
}

# The newest version of glibc that the runner asks for.
glibc() { objdump -T "$RUNNER" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -n 1; }

debian() {
    root=$work/debian
    mkdir -p "$root/DEBIAN"
    cp -R "$tree" "$root/usr"
    mv "$root/usr/share/doc/action-runner/LICENSE" "$root/usr/share/doc/action-runner/copyright"
    cat >"$root/DEBIAN/control" <<END
Package: action-runner
Version: $VERSION
Architecture: amd64
Maintainer: $MAINTAINER
Depends: libc6 (>= $(glibc)), libgcc-s1
Section: net
Priority: optional
Installed-Size: $(find "$root/usr" -type f -printf '%k\n' | awk '{ sum += $1 } END { print sum }')
Description: serves a shared library as an OpenWhisk action
 One small program that loads an action, a function from JSON to JSON that was
 compiled to a shared library, and answers OpenWhisk's action API by calling it
 in its own process. With the headers and the crate that actions are compiled
 against.
END
    (cd "$root" && find usr -type f | sort | xargs -d '\n' md5sum) >"$root/DEBIAN/md5sums"
    normalise "$root"
    dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$OUT/action-runner_${VERSION}_amd64.deb" >/dev/null
    say "action-runner_${VERSION}_amd64.deb"
}

tarball
debian
(cd "$OUT" && sha256sum -- *.tar.gz *.deb *.cdx.json >SHA256SUMS)
say "checksums and SBOM beside them, in target/dist"
