#!/bin/sh
# Builds an action with an old compiler and its own cargo, offline, against action-abi as `cargo package` makes
# it, and prints the path of the library on the last line. The current cargo only picks versions: those that the
# old compiler can build, which the ranges in action-abi's manifest must therefore allow.
#
#   OLD_CARGO, OLD_RUSTC   the old toolchain; default /usr/bin/cargo and /usr/bin/rustc (Debian 12: 1.63)
#   ACTION                 folder of the action's crate; default actions/reverse/rust
#   OUT                    where everything is put; default a new temporary folder
set -eu

abi=$(cd "$(dirname "$0")/.." && pwd)
action=$(cd "${ACTION:-$abi/../actions/reverse/rust}" && pwd)
old_cargo=${OLD_CARGO:-/usr/bin/cargo}
old_rustc=${OLD_RUSTC:-/usr/bin/rustc}
for tool in "$old_cargo" "$old_rustc"; do
    if ! [ -x "$tool" ]; then
        echo "old-rustc.sh: there is no $tool. On Debian 12, 'apt-get install --no-install-recommends rustc cargo'" \
            "brings 1.63; or name another toolchain with OLD_CARGO and OLD_RUSTC." >&2
        exit 77
    fi
done
version=$("$old_rustc" --version | sed 's/^rustc \([0-9.]*\).*/\1/')
out=${OUT:-$(mktemp -d)}
mkdir -p "$out"
exec 3>&1 1>&2
echo "old-rustc.sh: $action with rustc $version, in $out"

# 1. action-abi as an author gets it.
(cd "$abi" && cargo package --quiet --no-verify --allow-dirty --target-dir "$out/package")
rm -rf "$out/action-abi" "$out/action" "$out/vendor"
mkdir "$out/action-abi"
tar -xzf "$out"/package/package/action-abi-*.crate -C "$out/action-abi" --strip-components 1

# 2. The action beside it.
mkdir "$out/action"
cp -R "$action/src" "$out/action/src"
sed "s|^action-abi = .*|action-abi = { path = \"../action-abi\" }|; /^publish/a rust-version = \"$version\"" \
    "$action/Cargo.toml" >"$out/action/Cargo.toml"

# 3. Versions for the old compiler, and their sources. Newer releases of serde and serde_json say that they
#    build with it, but are split into crates that its cargo cannot read.
cd "$out/action"
export CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback
cargo generate-lockfile --quiet
pin() {
    cargo update --quiet --package "$1" --precise "$2"
}
pin serde_json 1.0.140
pin serde_path_to_error 0.1.17
pin serde 1.0.219
cargo vendor --quiet --locked --versioned-dirs "$out/vendor"
mkdir .cargo
cat >.cargo/config.toml <<END
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "$out/vendor"
END
# The old cargo reads version 3 at most.
sed -i 's/^version = 4$/version = 3/' Cargo.lock

# 4. The old toolchain, alone: rustup's stays out of its way.
RUSTC=$old_rustc CARGO_TARGET_DIR=$out/target "$old_cargo" build --release --offline --locked
# A library may have a name of its own, which then comes last.
name=$(sed -n '/^\[\(lib\|package\)\]/,/^\[[^lp]/s/^name = "\(.*\)"/\1/p' "$action/Cargo.toml" | tail -n 1 | tr - _)
echo "$out/target/release/lib$name.so" >&3
