#!/bin/sh
# Runs in the image build: lays out under /tree, one folder for each layer, what the image consists of. The
# libraries are those of the Debian release this runs in. Times and owners are fixed, so that the layers'
# digests depend on the content alone.
set -eu

RUNNER=/action-runner
ARCH="$(uname -m)-linux-gnu"
LIBRARIES="/lib/$ARCH"

# copy LAYER FILE...: under the name it was asked by, whatever it links to.
copy() {
    layer=/tree/$1
    shift
    for file in "$@"; do
        mkdir -p "$layer$(dirname "$file")"
        cp --dereference "$file" "$layer$file"
    done
}

# note LAYER PACKAGE...: what image scanners read, and the licence.
note() {
    layer=/tree/$1
    shift
    mkdir -p "$layer/var/lib/dpkg/status.d"
    for package in "$@"; do
        dpkg-query --status "$package" | grep -E '^(Package|Status|Architecture|Source|Version|Maintainer):' \
            >"$layer/var/lib/dpkg/status.d/$package"
        licence=$(readlink -f "/usr/share/doc/$package/copyright")
        if [ -f "$licence" ]; then
            mkdir -p "$layer/usr/share/doc/$package"
            gzip -9n <"$licence" >"$layer/usr/share/doc/$package/copyright.gz"
        fi
    done
}

# The name service for files and DNS is part of libc since glibc 2.34, as are the libraries whose empty shells
# (libpthread, libdl, librt) older actions still ask for. Go's resolver asks for libresolv.
glibc() {
    loader=$(ldd "$RUNNER" | sed -n 's|^[[:space:]]*\(/[^ ]*ld-linux[^ ]*\).*|\1|p')
    copy glibc "$loader" "$LIBRARIES"/libc.so.6 "$LIBRARIES"/libm.so.6 "$LIBRARIES"/libgcc_s.so.1 \
        "$LIBRARIES"/libpthread.so.0 "$LIBRARIES"/libdl.so.2 "$LIBRARIES"/librt.so.1 "$LIBRARIES"/libresolv.so.2
    note glibc libc6 libgcc-s1
}

etc() {
    copy etc /etc/ssl/certs/ca-certificates.crt /etc/os-release
    note etc ca-certificates
    mkdir -p /tree/etc/tmp /tree/etc/action
    cat >/tree/etc/etc/passwd <<'END'
root:x:0:0:root:/:/none
action:x:65532:65532:action:/action:/none
END
    cat >/tree/etc/etc/group <<'END'
root:x:0:
action:x:65532:
END
    cat >/tree/etc/etc/nsswitch.conf <<'END'
passwd: files
group: files
hosts: files dns
END
}

runner() {
    mkdir -p /tree/runner/bin
    install -m 0755 "$RUNNER" /tree/runner/bin/action-runner
}

# Refuses here what would otherwise only show when the container starts.
check() {
    ldd "$RUNNER" | sed -n 's|^[[:space:]]*\([^ ]*\) => .*|\1|p' | while read -r library; do
        [ -e "/tree/glibc$LIBRARIES/$library" ] || { echo "the runner needs $library, which the image lacks" >&2; exit 1; }
    done
}

normalise() {
    chown -hR 0:0 /tree
    chmod -R u=rwX,go=rX /tree
    chmod 1777 /tree/etc/tmp
    find /tree -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
}

glibc
copy cc "$LIBRARIES"/libstdc++.so.6
note cc libstdc++6
etc
runner
check
normalise
