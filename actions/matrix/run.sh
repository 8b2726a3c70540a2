#!/usr/bin/env bash
# The ABI matrix: one action source, built by every compiler at hand in every way that could matter, each library
# then held to group A of the conformance cases in one and the same runner. Prints a table; fails if a cell fails.
#
#   run.sh all    everything (half an hour on two cores)
#   run.sh fast   the far corners only, for `make test`
#
#   ACTION_RUNNER_BIN   the runner; default target/release/action-runner
#   OUT                 where everything is put; default target/matrix
#   ZIG                 the Zig compiler; default zig, or that of the Python package ziglang
# A compiler that is not there is a row that says how to get it; with STRICT=1 it is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
scope=${1:-all}
out=${OUT:-$root/target/matrix}
runner=${ACTION_RUNNER_BIN:-$root/target/release/action-runner}
# With what the black-box tests have compiled; the actions are built apart from it.
checks=${CARGO_TARGET_DIR:-$root/target}
failures=0
mkdir -p "$out/libraries"
runner=$(realpath "$runner")
unset ACTION_RUNNER_BIN # no variable that the runner knows
runners=("$runner")

source "$here/compilers.sh"
source "$here/languages.sh"

note() { echo "matrix: $*" >&2; }

row() { printf '%-9s %-8s %-7s %-5s %-8s %-9s %10s  %s\n' "$@"; }

# Runs group A on one library in every runner, and prints its row. Arguments: the row's first six columns.
report() {
    local library=$1 verdicts='' verdict binary
    shift
    for binary in "${runners[@]}"; do
        verdict=$(ACTION_RUNNER_BIN=$binary "$checks/debug/check" "$library" 2>"$library.log") ||
            { failures=$((failures + 1)) && note "$library: see $library.log"; }
        verdicts+="${verdict:-broken}  "
    done
    row "$@" "$(stat -c %s "$library")" "$verdicts"
}

absent() {
    row "$1" - - - - - - "not here: $2"
    [[ ${STRICT:-0} = 0 ]] || failures=$((failures + 1))
}

# One cell. Arguments: compiler, profile, panic, lto, edition, versions.
cell() {
    local compiler=$1 profile=$2 panic=$3 lto=$4 edition=$5 versions=$6
    local library=$out/libraries/rust-$compiler-$profile-$panic-$lto-$edition-$versions.so
    local target name=DEV flags=() made=debug
    target=$(target_of "$compiler")
    [[ $profile = debug ]] || { name=RELEASE flags=(--release) made=release; }
    note "${library##*/}"
    if ! (
        cd "$(cell_source "$compiler" "$edition" "$versions")"
        # "false", not "off": the default, so that what old-rustc.sh has built there need not be built again.
        export "CARGO_PROFILE_${name}_PANIC=$panic" "CARGO_PROFILE_${name}_LTO=${lto/off/false}" CARGO_TARGET_DIR="$target"
        "cargo_of_$compiler" build --locked "${flags[@]}"
    ) >"$library.build.log" 2>&1; then
        row "$@" - "does not build: see $library.build.log"
        failures=$((failures + 1))
        return
    fi
    cp "$target/$made/libcell.so" "$library"
    report "$library" "$@"
}

# All cells of one compiler.
cells_of() {
    local compiler=$1 way edition versions
    for way in 'debug unwind off' 'debug abort off' 'release unwind off' 'release abort off' \
        'release unwind fat' 'release abort fat'; do
        for edition in $(editions_of "$compiler"); do
            for versions in oldest newest; do
                # shellcheck disable=SC2086 # three words
                cell "$compiler" $way "$edition" "$versions"
            done
        done
    done
}

rust_cells() {
    local compiler
    row compiler profile panic lto edition versions bytes "group A in ${#runners[@]} runner(s)"
    for compiler in debian web current; do
        if ! reason=$("find_$compiler"); then
            absent "$compiler" "$reason"
        elif [[ $scope = all ]]; then
            cells_of "$compiler"
        fi
    done
    [[ $scope = fast ]] || return 0
    ! find_debian >/dev/null || cell debian release unwind off 2021 newest
    cell current debug abort off 2024 oldest
}

note "the checks, in $out"
CARGO_TARGET_DIR=$checks cargo build --quiet --manifest-path "$here/check/Cargo.toml"
[[ $scope = fast ]] || more_runners
rust_cells
echo
row language compiler - - - - bytes 'group A'
languages
[[ $scope = fast ]] || projects
[[ $failures = 0 ]] || { note "$failures failed"; exit 1; }
