# Sourced by run.sh: the same entry points in other languages, each with what Debian or PyPI brings.

header=$root/action-abi/include

zig() {
    if [[ -n ${ZIG:-} ]]; then
        $ZIG "$@"
    elif command -v zig >/dev/null; then
        command zig "$@"
    else
        python3 -m ziglang "$@"
    fi
}

languages() {
    local compiler
    for compiler in g++ clang++; do
        if command -v "$compiler" >/dev/null; then
            language C++ "$compiler" cpp
        else
            absent C++ "apt-get install g++ clang"
        fi
    done
    if command -v go >/dev/null; then language Go "$(go env GOVERSION)" go; else absent Go 'apt-get install golang-go'; fi
    if zig version >/dev/null 2>&1; then language Zig "$(zig version)" zig; else absent Zig 'pip install ziglang'; fi
}

language() {
    local library=$out/libraries/$3-$2.so
    if "build_$3" "$library" "$2" >"$library.build.log" 2>&1; then
        report "$library" "$1" "$2" - - - -
    else
        row "$1" "$2" - - - - - "does not build: see $library.build.log"
        failures=$((failures + 1))
    fi
}

build_cpp() {
    "$2" -std=c++17 -O2 -Wall -Wextra -Werror -pedantic -fPIC -fvisibility=hidden -I"$header" -shared -s -o "$1" \
        "$here/cpp/group_a.cpp" -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL
}

build_go() {
    cd "$here/go"
    CGO_CFLAGS="-O2 -I$(go list -m -f '{{.Dir}}' action)" \
        go build -buildmode=c-shared -trimpath -ldflags='-s -w' -o "$1" .
    cd - >/dev/null
    (cd "$root/actions/go/action" && go vet . && go test .)
}

build_zig() {
    zig build-lib -dynamic -O ReleaseFast -mcpu baseline -fstrip -lc -fPIC -femit-bin="$1" "$here/zig/group_a.zig"
}

# What `action-runner new` writes: builds, passes its own test, and answers its own params.json.
projects() {
    local language answer
    echo
    echo "projects by 'new'"
    rm -rf "$out/projects"
    mkdir -p "$out/projects"
    for language in rust c cpp go zig; do
        answer=$(cd "$out/projects" && project "$language" 2>"$out/projects/$language.log") ||
            { failures=$((failures + 1)) && answer="failed: see $out/projects/$language.log"; }
        printf '%-9s %s\n' "$language" "$answer"
    done
}

project() {
    local abi=()
    [[ $1 != rust ]] || abi=(--abi-path "$root/action-abi")
    "$runner" new "my-$1" --lang "$1" "${abi[@]}" >&2
    cd "my-$1"
    if [[ $1 = rust ]]; then
        unset CARGO_TARGET_DIR
        cargo build --release >&2 && cargo test >&2 && "$runner" invoke target/release/libaction.so @params.json
    else
        make ZIG="${ZIG:-zig}" >&2 && make test ZIG="${ZIG:-zig}" >&2 && "$runner" invoke ./libaction.so @params.json
    fi
}
