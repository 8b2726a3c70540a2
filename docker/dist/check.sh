#!/bin/sh
# Holds what `make dist` has made to what it promises: it installs and runs on a clean Debian, leaves nothing behind, names
# no folder of this machine, and comes out the same from another folder. The clean Debian is made by debootstrap, once, in
# target/dist-test; without root or debootstrap the package is unpacked into a folder and run from there.
# TWICE=no leaves out the second build.
set -eu
cd "$(dirname "$0")/../.."

DIST=$PWD/target/dist
TEST=$PWD/target/dist-test
CLEAN=$TEST/bookworm
failed=no

say() { echo "dist: $*"; }
wrong() { say "WRONG: $*"; failed=yes; }

# An action that needs nothing but the ABI, compiled with the header of the package.
action() {
    cat >"$TEST/hello.c" <<'END'
#include "action.h"
ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }
ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    (void)params; (void)context;
    action_result result = { ACTION_OK, "{\"hello\":\"world\"}", 17, 0, 0 };
    return result;
}
END
    cc -O2 -shared -fPIC -nostdlib -I"$1" -o "$2" "$TEST/hello.c"
}

# runs WHAT LIBRARY COMMAND...: the runner as COMMAND starts it, by itself and with an action.
runs() {
    what=$1 library=$2
    shift 2
    if ! "$@" --version >/dev/null; then
        wrong "$what: the runner does not start"
    elif [ "$("$@" invoke "$library" '{}')" != '{"hello":"world"}' ]; then
        wrong "$what: an action that was compiled with its header gives no result"
    else
        say "$what: $("$@" --version), runs an action"
    fi
}

clean_debian() {
    [ "$(id -u)" = 0 ] || return 1
    command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap >/dev/null 2>&1 || return 1
    [ -e "$CLEAN.made" ] && return 0
    rm -rf "$CLEAN"
    say "making a clean Debian with debootstrap (a minute)"
    debootstrap --variant=minbase bookworm "$CLEAN" >"$CLEAN.log" 2>&1 || { tail -n 3 "$CLEAN.log"; return 1; }
    touch "$CLEAN.made"
}

files() { (cd "$1" && find etc opt usr -printf '%y %p\n' | sort); }

# Installed, run, removed again.
on_debian() {
    cp --archive "$CLEAN" "$TEST/root"
    root=$TEST/root
    files "$root" >"$TEST/before"
    dpkg --root="$root" --install "$1" >"$TEST/dpkg.log" 2>&1 || { tail -n 5 "$TEST/dpkg.log"; wrong "the package is not installed"; return; }
    dpkg --root="$root" --verify action-runner || wrong "files differ from the package's list"
    action "$root/usr/include/action-runner" "$root/tmp/libhello.so"
    runs "package on a clean Debian" /tmp/libhello.so chroot "$root" action-runner
    [ -e "$root/usr/share/action-runner/action-abi/src/lib.rs" ] || wrong "the crate action-abi is missing"
    [ -s "$root/usr/share/doc/action-runner/copyright" ] || wrong "the licence is missing"
    dpkg --root="$root" --remove action-runner >>"$TEST/dpkg.log" 2>&1 || wrong "the package is not removed"
    files "$root" >"$TEST/after"
    diff "$TEST/before" "$TEST/after" >"$TEST/left" || { head -n 5 "$TEST/left"; wrong "the package leaves files behind"; }
    tar -x -f "$2" -C "$root/opt"
    runs "tarball on a clean Debian" /tmp/libhello.so chroot "$root" "/opt/$(basename "$2" .tar.gz)/bin/action-runner"
}

in_a_folder() {
    say "no clean Debian (root and debootstrap make one): the package is unpacked into a folder"
    dpkg-deb --extract "$1" "$TEST/root"
    action "$TEST/root/usr/include/action-runner" "$TEST/hello.so"
    runs "package in a folder" "$TEST/hello.so" "$TEST/root/usr/bin/action-runner"
    tar -x -f "$2" -C "$TEST/root"
    runs "tarball in a folder" "$TEST/hello.so" "$TEST/root/$(basename "$2" .tar.gz)/bin/action-runner"
}

# Where something was built is nobody's business, and makes builds differ.
paths() {
    dpkg-deb --fsys-tarfile "$1" | tar -x -C "$TEST" ./usr/bin/action-runner
    for path in "$PWD" "$HOME" "${CARGO_HOME:-$HOME/.cargo}" registry/src; do
        ! grep -qaF "$path/" "$TEST/usr/bin/action-runner" || wrong "the runner names $path"
    done
}

# The last commit, in another folder, from nothing.
again() {
    if [ -n "$(git status --porcelain)" ]; then
        wrong "there are changes that are not committed: the second build would not have them"
        return
    fi
    say "building once more, in another folder"
    git clone --quiet . "$TEST/again"
    "$TEST/again/docker/dist/dist.sh" >"$TEST/again.log" 2>&1 || { tail -n 5 "$TEST/again.log"; wrong "the second build fails"; return; }
    if diff "$DIST/SHA256SUMS" "$TEST/again/target/dist/SHA256SUMS"; then
        say "both builds give the same files"
    else
        wrong "the second build gives other files"
    fi
}

mkdir -p "$TEST"
rm -rf "$TEST/root" "$TEST/again" "$TEST/usr"
deb=$(ls "$DIST"/*.deb)
tarball=$(ls "$DIST"/*.tar.gz)
(cd "$DIST" && sha256sum --quiet --check SHA256SUMS) || wrong "the checksums"
python3 -m json.tool "$DIST"/*.cdx.json >/dev/null || wrong "the SBOM is not JSON"
if clean_debian; then on_debian "$deb" "$tarball"; else in_a_folder "$deb" "$tarball"; fi
paths "$deb"
[ "${TWICE:-}" = no ] || again
rm -rf "$TEST/root" "$TEST/usr"
[ "$failed" = no ]
