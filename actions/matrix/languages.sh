# Sourced by run.sh: the table of languages. The same entry points in each of them, the size of its reverse action, and
# the project that `action-runner new` writes, which must build, pass its own test, and answer its own params.json.

header=$root/action-abi/include

language_row() { printf '%-9s %-16s %14s  %-8s ' "${@:1:4}"; printf ' %-10s' "${@:5}"; echo; }

language_table() {
    local headings=("${built_by[@]/#/in }") compiler reason
    rm -rf "$out/projects" "$out/reverse"
    mkdir -p "$out/projects" "$out/reverse"
    language_row language compiler "reverse, bytes" new "${headings[@]}"
    if [[ $scope = all ]]; then
        for compiler in debian web current; do
            reason=$("find_$compiler") || continue # the first table has said so
            language rust "$compiler" "rustc $(version_of "$compiler")"
        done
    fi
    of_debian c gcc gcc
    of_debian c clang clang
    of_debian cpp g++ g++
    of_debian cpp clang++ clang
    of_debian go go golang-go
    if zig version >/dev/null 2>&1; then language zig zig "zig $(zig version)"; else absent zig 'pip install ziglang'; fi
}

# Arguments: language, compiler, and the package of Debian's that has it.
of_debian() {
    local compiler=$2
    if ! command -v "$compiler" >/dev/null; then
        absent "$compiler" "apt-get install $3"
    elif [[ $compiler = go ]]; then
        language "$1" go "go $(go env GOVERSION | tr -d go)"
    else
        language "$1" "$compiler" "$compiler $("$compiler" -dumpversion)"
    fi
}

# Arguments: language, compiler, and what the table calls it.
language() {
    local name=$1-$2 library reverse='' project=''
    library=$out/libraries/$name.so
    note "$name"
    if ! "group_a_$1" "$library" "$2" >"$library.build.log" 2>&1; then
        failed "$library does not build: see $library.build.log"
        return
    fi
    verdicts_on "$library"
    if [[ $scope = all ]]; then
        reverse=$(reverse_of "$1" "$2" 2>"$out/reverse/$name.log") || failed "reverse: see $out/reverse/$name.log"
        project=$(project "$1" "$2" 2>"$out/projects/$name.log") || failed "new: see $out/projects/$name.log"
    else
        reverse=- project=- # the line below the table says so
    fi
    language_row "$1" "$3" "${reverse:-failed}" "${project:-failed}" "${verdicts[@]}"
}

# The cell that is built as most authors do it.
group_a_rust() {
    cp "$out/libraries/rust-$2-release-unwind-fat-2021-newest.so" "$1"
}

group_a_c() {
    "$2" -std=c99 -O2 -Wall -Wextra -Werror -pedantic -fPIC -fvisibility=hidden -I"$header" -shared -s -o "$1" \
        "$here/c/group_a.c"
}

group_a_cpp() {
    "$2" -std=c++17 -O2 -Wall -Wextra -Werror -pedantic -fPIC -fvisibility=hidden -I"$header" -shared -s -o "$1" \
        "$here/cpp/group_a.cpp" -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL
}

group_a_go() {
    (
        cd "$here/go"
        CGO_CFLAGS="-O2 -I$(go list -m -f '{{.Dir}}' action)" \
            go build -buildmode=c-shared -trimpath -ldflags='-s -w' -o "$1" .
    ) && (cd "$root/actions/go/action" && go vet . && go test .)
}

group_a_zig() {
    zig build-lib -dynamic -O ReleaseFast -mcpu baseline -fstrip -lc -fPIC -femit-bin="$1" "$here/zig/group_a.zig"
}

# Prints the size of the reverse action, built by its own Makefile in a copy of its folder and seen to reverse.
reverse_of() {
    local language=$1 compiler=$2 folder=$out/reverse/$1-$2 library=libaction.so
    if [[ $language = rust ]]; then
        library=$(rust_library "$compiler" "$root/actions/reverse/rust" "$folder") || return 1
    else
        cp -R "$root/actions/reverse/$language" "$folder" && cd "$folder" && make clean >&2 || return 1
        [[ $language != go ]] || go mod edit -replace "action=$root/actions/go/action" || return 1
        make_with "$compiler" ABI="$header" RUNNER="$runner" "$library" >&2 || return 1
        library=$folder/$library
    fi
    [[ $("$runner" invoke "$library" '{"payload":"abc"}') = '{"reversed":"cba"}' ]] && stat -c %s "$library"
}

project() {
    local language=$1 compiler=$2 name=my-$1-$2 library=./libaction.so
    name=${name//+/p}
    cd "$out/projects" && "$runner" new "$name" --lang "$language" >&2 && cd "$name" || return 1
    if [[ $language = rust ]]; then
        library=$(rust_library "$compiler" "$PWD" "$PWD/built") || return 1
        [[ $compiler != current ]] || env -u CARGO_TARGET_DIR cargo test >&2 || return 1
    else
        make_with "$compiler" >&2 && make_with "$compiler" test >&2 || return 1
    fi
    "$runner" invoke "$library" @params.json >&2 && echo ok
}

# make, with this compiler.
make_with() {
    case $1 in
        gcc | clang) make CC="$1" "${@:2}" ;;
        g++ | clang++) make CXX="$1" "${@:2}" ;;
        zig) make ZIG="${ZIG:-"$zig_python -m ziglang"}" "${@:2}" ;;
        *) make "${@:2}" ;;
    esac
}

# Builds a crate with one of the Rust compilers and prints the path of its library. Arguments: compiler, crate, where.
rust_library() {
    if [[ $1 = debian ]]; then
        ACTION=$2 OUT=$3 sh "$root/action-abi/tests/old-rustc.sh"
    else
        CARGO_TARGET_DIR=$3 "cargo_of_$1" build --release --manifest-path "$2/Cargo.toml" >&2 &&
            find "$3/release" -maxdepth 1 -name 'lib*.so'
    fi
}
