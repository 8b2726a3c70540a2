# Sourced by run.sh: installs the compilers that the matrix needs and this machine lacks, as far as it is allowed to.
# Debian 12 has all of them but Zig, which comes as a Python package into a folder of our own.

zig_python=$out/toolchains/zig/bin/python
# Zig changes its language with every release.
zig_version=0.17.1

bring_tools() {
    local packages
    mapfile -t packages < <(missing_packages)
    if [[ ${#packages[@]} -gt 0 ]]; then
        if [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
            note "installing ${packages[*]}"
            { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } \
                >"$out/install.log" 2>&1 || note "could not install: see $out/install.log"
        else
            note "not root on a Debian; to be installed by hand: ${packages[*]}"
        fi
    fi
    zig version >/dev/null 2>&1 || bring_zig >"$out/zig.log" 2>&1 || note "no Zig: see $out/zig.log"
}

missing_packages() {
    [[ -x /usr/bin/rustc && -x /usr/bin/cargo ]] || printf '%s\n' rustc cargo libstd-rust-dev
    command -v gcc >/dev/null || echo gcc
    command -v g++ >/dev/null || echo g++
    command -v clang++ >/dev/null || echo clang
    command -v go >/dev/null || echo golang-go
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

bring_zig() {
    python3 -m venv "$out/toolchains/zig" && "$zig_python" -m pip install --quiet "ziglang==$zig_version"
}

zig() { ${ZIG:-"$zig_python" -m ziglang} "$@"; }
