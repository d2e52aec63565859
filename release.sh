#!/usr/bin/env bash
# Builds what is published: the wheel, and an archive that holds the same binary: ./release.sh [TARGET]
#
# It needs a clean checkout, Rust, Python 3.10 or newer with venv, and cargo-bundle-licenses. TARGET is
# x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu or aarch64-apple-darwin; without one it is this machine's. Binaries
# for Linux are linked for glibc 2.17, so that they run on every distribution of today. All of it goes to dist/:
#
#   lakehouse-VERSION-py3-none-PLATFORM.whl      the binary and the Python module
#   lakehouse-VERSION-TARGET.tar.xz              the binary, manual pages, completions, licences of all dependencies
#   lakehouse-VERSION-TARGET.cdx.json            what the binary is made of, as a CycloneDX SBOM
#   *.sha256                                     checksums, as `sha256sum --check` reads them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    printf 'release.sh: %s\n' "$1" >&2
    exit 2
}

target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
case $target in
    *-linux-gnu) linking=(--zig --compatibility manylinux2014) ;;
    *-apple-darwin) linking=() ;;
    *) fail "there is no release for $target: use x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu or aarch64-apple-darwin" ;;
esac
[[ -z $(git status --porcelain) ]] || fail 'there are changes that are not committed: commit or stash them first'
command -v cargo-bundle-licenses >/dev/null ||
    fail 'cargo-bundle-licenses is missing: cargo install --locked cargo-bundle-licenses'

folder=${CARGO_TARGET_DIR:-target}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=lakehouse-$version-$target
LAKEHOUSE_COMMIT=$(git rev-parse --short=12 HEAD)
# Archives and wheels hold the time of the commit, so that the same commit makes the same files.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# No path of this machine is in the binary.
RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
export LAKEHOUSE_COMMIT SOURCE_DATE_EPOCH RUSTFLAGS

# The versions of the tools belong to the release.
tools() {
    local environment=$folder/release-tools
    if ! cmp --silent release-requirements.txt "$environment/requirements.txt"; then
        rm -rf "$environment"
        python3 -m venv "$environment"
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r release-requirements.txt
        cp release-requirements.txt "$environment/requirements.txt"
    fi
    PATH=$(cd "$environment/bin" && pwd):$PATH
}

# Builds the wheel, and takes the binary and the SBOM out of it.
build() {
    maturin build --locked --target "$target" "${linking[@]}" --target-dir "$folder" --out dist
    wheel=$(ls dist/lakehouse-"$version"-*.whl)
    python3 -m zipfile --extract "$wheel" "$folder/release/wheel"
    install -m 755 "$folder"/release/wheel/lakehouse-*.data/scripts/lakehouse "$root/lakehouse"
    cp "$folder"/release/wheel/lakehouse-*.dist-info/sboms/lakehouse.cyclonedx.json "dist/$name.cdx.json"
}

# Writes what the program says about itself. A binary for another machine cannot run here: that of a build for
# development writes the same.
describe() {
    local program=("$root/lakehouse")
    "${program[@]}" --version >/dev/null 2>&1 || program=(cargo run --quiet --locked --)
    "${program[@]}" man --output "$root/man"
    mkdir "$root/completions"
    for shell in bash zsh fish; do
        "${program[@]}" completions "$shell" >"$root/completions/lakehouse.$shell"
    done
}

pack() {
    tar --create --xz --file "dist/$name.tar.xz" --directory "$folder/release" \
        --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" "$name"
    (cd dist && for file in "$name.tar.xz" "$name.cdx.json" "${wheel#dist/}"; do sha256sum "$file" >"$file.sha256"; done)
}

tools
root=$folder/release/$name
rm -rf dist "$folder/release/wheel" "$root"
mkdir -p dist "$root"
build
describe
cp README.md CHANGELOG.md LICENSE "$root"
cargo bundle-licenses --format yaml --output "$root/THIRD-PARTY-LICENSES.yml"
pack
ls -l dist
