#!/bin/sh
# Makes local images under the public names that the Dockerfiles here start from, where those are absent
# and no registry answers: Debian by debootstrap, Rust by adding a C linker and the toolchain of this
# machine. An image that is present, or that can be pulled, is left alone. Needs root and Debian or a
# relative; everything built from the result behaves the same, only the layer digests differ.
set -eu

SUITE=bookworm
DEBIAN="debian:$SUITE-slim"
RUST="rust:1-slim-$SUITE"

say() { echo "stand-ins: $*" >&2; }

available() {
    docker image inspect "$1" >/dev/null 2>&1 && return 0
    timeout 600 docker pull --quiet "$1" >/dev/null 2>&1
}

# What the slim images leave out too: manuals, translations, all documentation but the licences.
trim() {
    find "$1/usr/share/doc" -type f ! -name copyright -delete
    rm -rf "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/usr/share/info/* \
        "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/* "$1"/var/log/*
}

import() {
    image=$1 root=$2
    shift 2
    trim "$root"
    tar -C "$root" --numeric-owner --one-file-system -c . | docker import "$@" - "$image" >/dev/null
    say "made $image"
}

debian_root() {
    command -v debootstrap >/dev/null || apt-get install -y --no-install-recommends debootstrap >/dev/null ||
        { say "debootstrap is missing and could not be installed; install it and run this again"; exit 1; }
    say "no registry answers: making $DEBIAN with debootstrap (a minute)"
    debootstrap --variant=minbase --merged-usr "$SUITE" "$1" >"$1.log" 2>&1 ||
        { tail -n 5 "$1.log" >&2; say "debootstrap failed"; exit 1; }
}

add_rust() {
    sysroot=$(rustc --print sysroot) || { say "no rustc here to copy; install Rust and run this again"; exit 1; }
    host=$(rustc -vV | sed -n 's/^host: //p')
    say "making $RUST with $(rustc --version)"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    chroot "$1" apt-get update -qq
    chroot "$1" apt-get install -qq -y --no-install-recommends ca-certificates gcc libc6-dev >"$1.log" 2>&1
    mkdir -p "$1/usr/local/bin" "$1/usr/local/lib/rustlib"
    cp -a "$sysroot/bin/cargo" "$sysroot/bin/rustc" "$sysroot/bin/rustdoc" "$1/usr/local/bin/"
    cp -a "$sysroot"/lib/*.so* "$1/usr/local/lib/"
    cp -a "$sysroot/lib/rustlib/$host" "$1/usr/local/lib/rustlib/"
}

main() {
    missing=
    for image in "$DEBIAN" "$RUST"; do available "$image" || missing="$missing $image"; done
    [ -n "$missing" ] || exit 0
    [ "$(id -u)" = 0 ] || { say "absent and not to be pulled:$missing; debootstrap needs root"; exit 1; }

    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    debian_root "$work/root"
    case $missing in *"$DEBIAN"*) import "$DEBIAN" "$work/root" -c 'CMD ["bash"]' ;; esac
    case $missing in *"$RUST"*)
        add_rust "$work/root"
        import "$RUST" "$work/root" -c 'ENV CARGO_HOME=/usr/local/cargo' -c 'CMD ["bash"]' ;;
    esac
}

main
