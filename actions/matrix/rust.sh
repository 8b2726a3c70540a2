# Sourced by run.sh: the table of Rust. A cell is a compiler, a profile, what a panic does, LTO, an edition, and the
# versions of the crates inside.

rust_row() { printf '%-8s %-8s %-7s %-4s %-8s %-11s %-7s %9s ' "${@:1:8}"; printf ' %-10s' "${@:9}"; echo; }

rust_table() {
    local compiler reason headings=("${built_by[@]/#/in }")
    rm -rf "$out/sources" "$out/debian/newest" "$out/debian/oldest"
    rust_row rustc profile panic lto edition serde_json tokio bytes "${headings[@]}"
    for compiler in debian web current; do
        if reason=$("find_$compiler"); then
            "cells_of_$scope" "$compiler"
        else
            absent "rustc of $compiler" "$reason"
        fi
    done
}

cells_of_all() {
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

cells_of_fast() {
    case $1 in
        debian) cell debian release unwind off 2021 newest ;;
        current) cell current debug abort off 2024 oldest ;;
    esac
}

cell() {
    local compiler=$1 profile=$2 panic=$3 lto=$4 edition=$5 versions=$6
    local library=$out/libraries/rust-$compiler-$profile-$panic-$lto-$edition-$versions.so
    local source target name=DEV flags=() made=debug
    note "${library##*/}"
    source=$(cell_source "$compiler" "$edition" "$versions" 2>"$library.build.log") ||
        { failed "no source for $library: see $library.build.log" && return; }
    target=$(target_of "$compiler")
    [[ $profile = debug ]] || { name=RELEASE flags=(--release) made=release; }
    if ! (
        cd "$source"
        # "false", not "off": the default, so that what old-rustc.sh has built there need not be built again.
        export "CARGO_PROFILE_${name}_PANIC=$panic" "CARGO_PROFILE_${name}_LTO=${lto/off/false}" CARGO_TARGET_DIR="$target"
        "cargo_of_$compiler" build --locked "${flags[@]}"
    ) >>"$library.build.log" 2>&1; then
        failed "$library does not build: see $library.build.log"
        return
    fi
    cp "$target/$made/libcell.so" "$library"
    verdicts_on "$library"
    rust_row "$(version_of "$compiler")" "$profile" "$panic" "$lto" "$edition" "$(locked "$source" serde_json)" \
        "$(locked "$source" tokio)" "$(stat -c %s "$library")" "${verdicts[@]}"
}

# The version of a crate in a Cargo.lock.
locked() { sed -n "/^name = \"$2\"/{n; s/^version = \"\(.*\)\"/\1/p}" "$1/Cargo.lock"; }
