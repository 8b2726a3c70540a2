# Sourced by run.sh: where each Rust compiler comes from, and the sources as it can read them.
#
# `debian` is Debian 12's 1.63 with its own cargo, which knows neither edition 2024 nor sparse registries: it builds
# offline from what action-abi/tests/old-rustc.sh has prepared. `web` is Debian's rustc-web, unpacked and not
# installed, since it cannot stand beside `debian`. `current` is whatever `rustc` is.

web=$out/toolchains/web

find_debian() {
    [[ -x /usr/bin/rustc && -x /usr/bin/cargo ]] || {
        echo 'apt-get install --no-install-recommends rustc cargo'
        return 1
    }
}

find_current() { command -v rustc >/dev/null || { echo 'install Rust' && return 1; }; }

rustc_of() {
    case $1 in
        debian) /usr/bin/rustc "${@:2}" ;;
        web) "$web/rustc" "${@:2}" ;;
        current) rustc "${@:2}" ;;
    esac
}

version_of() { rustc_of "$1" --version | cut -d' ' -f2; }

find_web() {
    [[ ! -x $web/rustc ]] || return 0
    apt-cache show rustc-web >/dev/null 2>&1 || { echo 'apt has no rustc-web' && return 1; }
    local folder=$web/packages std llvm package
    std=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9][0-9.]*')
    llvm=$(dependency "$std" 'libllvm[0-9][0-9]*')
    mkdir -p "$folder"
    (
        cd "$folder" &&
            apt-get download rustc-web libstd-rust-web-dev "$std" "$llvm" &&
            for package in *.deb; do dpkg -x "$package" "$web/root" || exit 1; done &&
            rm ./*.deb
    ) >"$web/download.log" 2>&1 || { echo "see $web/download.log" && return 1; }
    cat >"$web/rustc" <<END
#!/bin/sh
LD_LIBRARY_PATH=$web/root/usr/lib/$(uname -m)-linux-gnu exec $web/root/usr/bin/rustc "\$@"
END
    chmod +x "$web/rustc"
}

dependency() { apt-cache depends "$1" | grep -om1 "$2"; }

cargo_of_debian() { RUSTC=/usr/bin/rustc /usr/bin/cargo "$@" --offline; }
cargo_of_web() { RUSTC=$web/rustc cargo "$@"; }
cargo_of_current() { cargo "$@"; }

# old-rustc.sh has built there already.
target_of() { if [[ $1 = debian ]]; then echo "$out/debian/target"; else echo "$out/target/$1"; fi; }

editions_of() { if [[ $1 = debian ]]; then echo 2021; else echo 2021 2024; fi; }

# Prints the folder with the source for a cell, and makes it first if need be.
cell_source() {
    local compiler=$1 edition=$2 versions=$3
    local folder=$out/sources/$edition-$versions
    if [[ $compiler = debian ]]; then
        folder=$out/debian/$versions
        [[ -d $folder ]] || "debian_$versions" "$folder"
    elif [[ ! -d $folder ]]; then
        copy_cell "$folder" "s|^edition.*|edition = \"$edition\"|; s|\"../../../action-abi\"|\"$root/action-abi\"|"
        cargo generate-lockfile --quiet
        [[ $versions = newest ]] || oldest_versions
    fi >&2
    echo "$folder"
}

copy_cell() {
    mkdir -p "$1"
    cp -R "$here/rust/src" "$1/"
    sed "$2" "$here/rust/Cargo.toml" >"$1/Cargo.toml"
    cd "$1"
}

# The lower ends of action-abi's ranges, five years before the upper ends.
oldest_versions() {
    cargo update --quiet --package tokio --precise 1.20.6
    cargo update --quiet --package serde_json --precise 1.0.79
}

# Newest that 1.63 can build, sources beside them.
debian_newest() {
    ACTION=$here/rust OUT=$out/debian sh "$root/action-abi/tests/old-rustc.sh"
    mv "$out/debian/action" "$1"
}

debian_oldest() {
    cell_source debian 2021 newest
    cp -R "$out/debian/newest" "$1"
    cd "$1"
    mv .cargo/config.toml config.toml
    oldest_versions
    # Into the same folder: another would be another source, and everything built again.
    cargo vendor --quiet --locked --versioned-dirs --no-delete "$out/debian/vendor"
    mv config.toml .cargo/config.toml
    sed -i 's/^version = 4$/version = 3/' Cargo.lock
}

# The runner as another compiler builds it: it must load the same libraries.
more_runners() {
    local reason needed version
    reason=$(find_web) || { absent 'a runner by rustc-web' "$reason" && return; }
    version=$(version_of web)
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    if [[ $(printf '%s\n' "$needed" "$version" | sort -V | head -n 1) != "$needed" ]]; then
        absent 'a runner by rustc-web' "it is $version, and the runner needs $needed"
        return
    fi
    note "the runner by rustc $version"
    (cd "$root" && RUSTC=$web/rustc cargo build --quiet --release -p action-runner --target-dir "$out/target/runner-web")
    runners+=("$out/target/runner-web/release/action-runner")
    built_by+=("$version")
}
