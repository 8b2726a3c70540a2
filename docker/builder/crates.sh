#!/bin/sh
# Runs in the image build: lays out under /tree what the image adds to its base. In /opt the crate action-abi with a
# manifest of its own, the crates it needs (serde, serde_json with derive among them), and offline.toml, with which
# cargo takes crates from there alone: `cargo build --offline --config /opt/offline.toml`. The headers of C and C++, and
# cargo's configuration, where compilers and cargo look for them.
set -eu
cd /src

# The tests are no part of the image's context; what is locked stays locked without them.
sed -i 's/"tests"//' Cargo.toml

[ -d vendor ] || cargo vendor --quiet --versioned-dirs vendor >/dev/null

mkdir -p /opt
cat >/opt/offline.toml <<'END'
[source.crates-io]
replace-with = "crates"
[source.crates]
directory = "/opt/crates"
END
ln -s /src/vendor /opt/crates

cargo package --quiet --package action-abi --no-verify --allow-dirty --offline --config /opt/offline.toml
mkdir /opt/action-abi
tar -x -f target/package/action-abi-*.crate -C /opt/action-abi --strip-components=1

# "serde v1.0.0 (proc-macro)" for each crate of any platform, since cargo wants to see them all.
cargo tree --quiet --package action-abi --all-features --target all --edges all --prefix none --offline \
    --config /opt/offline.toml | sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' | sort -u >/tmp/crates
rm /opt/crates
mkdir /opt/crates
while read -r crate; do
    [ ! -d "vendor/$crate" ] || cp -r "vendor/$crate" /opt/crates/
done </tmp/crates

mkdir -p /tree/usr/local/include /tree/usr/local/cargo
mv /opt /tree/opt
cp action-abi/include/*.h action-abi/include/*.hpp /tree/usr/local/include/
cp docker/builder/cargo.toml /tree/usr/local/cargo/config.toml
