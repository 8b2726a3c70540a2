#!/usr/bin/env bash
# The ABI matrix: one action source, built by every compiler in every way that could matter, each library then held to
# group A of the conformance cases in one and the same runner, in one that another compiler has built, and in one whose
# ABI has grown. Prints three tables, and fails if a cell fails or is empty.
#
#   run.sh all    everything, compilers included: those that are missing are installed where that is allowed
#   run.sh fast   the far corners with the compilers at hand, for `make test`; says what it left out
#
#   ACTION_RUNNER_BIN   the runner; default target/release/action-runner
#   OUT                 where everything is put; default target/matrix
#   ZIG                 the Zig compiler; default that of the Python package ziglang
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
scope=${1:-all}
out=${OUT:-$root/target/matrix}
runner=${ACTION_RUNNER_BIN:-$root/target/release/action-runner}
# With what the black-box tests have compiled; the actions are built apart from it.
checks=${CARGO_TARGET_DIR:-$root/target}
failures=0
cells=0
left_out=()
mkdir -p "$out/libraries"
runner=$(realpath "$runner")
unset ACTION_RUNNER_BIN # no variable that the runner knows
runners=("$runner")
built_by=("$(rustc --version | cut -d' ' -f2)")

source "$here/tools.sh"
source "$here/compilers.sh"
source "$here/rust.sh"
source "$here/languages.sh"
source "$here/grown.sh"

note() { echo "matrix: $*" >&2; }

failed() {
    failures=$((failures + 1))
    note "$1"
}

# Runs group A on one library in every runner: a column for each.
verdicts_on() {
    local library=$1 log=$library.log binary verdict
    verdicts=()
    : >"$log"
    for binary in "${runners[@]}"; do
        cells=$((cells + 1))
        verdict=$(ACTION_RUNNER_BIN=$binary "$checks/release/check" "$library" 2>>"$log") || failed "$library: see $log"
        verdicts+=("${verdict:-broken}")
    done
}

# No cell for lack of a compiler. Only where everything was asked for is that a failure.
absent() {
    if [[ $scope = all ]]; then
        failed "no cells of $1: $2"
    else
        left_out+=("$1 ($2)")
    fi
}

[[ $scope = fast ]] || bring_tools
note "the checks"
CARGO_TARGET_DIR=$checks cargo build --quiet --release --manifest-path "$here/check/Cargo.toml"
[[ $scope = fast ]] || { more_runners && grow; }
rust_table
echo
language_table
if [[ $scope = all ]]; then
    echo
    age_table
else
    left_out+=('the cells between these corners' 'other runners' "projects of 'new'")
    printf -v line '%s, ' "${left_out[@]}"
    echo "left to 'make abi': ${line%, }"
fi
[[ $failures = 0 ]] || { note "$failures failed"; exit 1; }
echo "$cells libraries in runners: all of group A in each"
