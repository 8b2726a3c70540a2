# Sourced by run.sh: the ABI as it may be one day. grown.patch adds a field to the context and one to what a library
# offers, as docs/abi.md tells a maintainer to. A runner made with it is a further column for every library of today;
# a library made with it, and one with a copy of version 1.0's types, are rows of their own.

grown=$out/grown

# The sources, with the patch, and the runner. Not optimised at length: nobody measures it.
grow() {
    note 'a runner with a grown ABI'
    rm -rf "$grown/source"
    mkdir -p "$grown/source"
    cp -a "$root"/{Cargo.toml,Cargo.lock,action-abi,runner,tests,actions} "$grown/source/"
    patch --quiet -p1 -d "$grown/source" <"$here/grown.patch"
    (
        cd "$grown/source"
        export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=$grown/target
        cargo test --quiet -p action-abi --test abi && cargo build --quiet --release -p action-runner
    ) >"$out/grown.log" 2>&1 || { failed "no runner with a grown ABI: see $out/grown.log" && return; }
    runners+=("$grown/target/release/action-runner")
    built_by+=('grown')
}

age_row() { printf '%-34s ' "$1"; printf ' %-10s' "${@:2}"; echo; }

# Libraries of other ages than action-abi's, in every runner.
age_table() {
    local library
    age_row 'library' "${built_by[@]/#/in }"
    library=$out/libraries/grown.so
    note "${library##*/}"
    copy_cell "$out/sources/grown" "s|\"../../../action-abi\"|\"$grown/source/action-abi\"|"
    if CARGO_TARGET_DIR=$grown/target cargo build --release --manifest-path "$out/sources/grown/Cargo.toml" \
        >"$library.build.log" 2>&1; then
        cp "$grown/target/release/libcell.so" "$library"
        verdicts_on "$library"
        age_row 'of the grown ABI' "${verdicts[@]}"
    else
        failed "$library does not build: see $library.build.log"
    fi
    frozen 'of 1.0, from a copy of its types' ''
    frozen 'the same, grown' appended
}

# Its one entry point tells what it was told.
frozen() {
    local library=$out/libraries/frozen$2.so binary told
    note "${library##*/}"
    CARGO_TARGET_DIR=$out/target/frozen cargo build --release --features "$2" \
        --manifest-path "$root/actions/faults/frozen/Cargo.toml" >"$library.build.log" 2>&1 ||
        { failed "$library does not build: see $library.build.log" && return; }
    cp "$out/target/frozen/release/libaction_abi.so" "$library"
    verdicts=()
    for binary in "${runners[@]}"; do
        told=$("$binary" invoke "$library" 2>>"$library.build.log") || told=''
        if [[ $told = '{"size":1'??',"id":""'* ]]; then
            verdicts+=(ok)
        else
            verdicts+=(failed) && failed "$library: ${told:-see $library.build.log}"
        fi
        cells=$((cells + 1))
    done
    age_row "$1" "${verdicts[@]}"
}
