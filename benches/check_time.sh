#!/usr/bin/env bash
# How long `cargo check` takes for a crate of 1,000 generated assets, with its dependencies built: a chain, and a lattice ten wide.
#
#   benches/check_time.sh [ASSETS]
#
# Prints the seconds of the crate alone, of three runs each, and of the same functions without attributes as a baseline.
set -euo pipefail
assets="${1:-1000}"
here=$(cd "$(dirname "$0")/.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/target}" CARGO_INCREMENTAL=0
crate=$(mktemp -d)
trap 'rm -rf "$crate"' EXIT
mkdir -p "$crate/src"
cat > "$crate/Cargo.toml" <<TOML
[package]
name = "lakewright-check-time"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
lakewright = { path = "$here/runtime", default-features = false, features = ["polars"] }
TOML
cp "$here/Cargo.lock" "$crate/Cargo.lock"

# generate SHAPE ATTRIBUTE: each asset needs the one before it, or three of the row of ten before it.
generate() {
  awk -v n="$assets" -v shape="$1" -v attribute="$2" 'BEGIN {
    print "//! Generated.\nuse lakewright::prelude::*;"
    for (i = 0; i < n; i++) {
      parameters = ""; body = "LazyFrame::default()"
      if (shape == "chain" && i > 0) { parameters = sprintf("a%d: LazyFrame", i - 1); body = sprintf("a%d", i - 1) }
      if (shape == "lattice" && i >= 10) {
        row = int(i / 10) * 10 - 10
        for (k = 0; k < 3; k++) parameters = parameters sprintf("a%d: LazyFrame, ", row + (i + k) % 10)
        body = sprintf("a%d", row + i % 10)
      }
      if (attribute != "") printf "%s\n", attribute
      printf "#[allow(unused_variables)]\npub fn a%d(%s) -> LazyFrame { %s }\n", i, parameters, body
    }
  }' > "$crate/src/lib.rs"
}

measure() {
  for _ in 1 2 3; do
    touch "$crate/src/lib.rs"
    start=$(date +%s%N)
    cargo check -q --offline --manifest-path "$crate/Cargo.toml"
    end=$(date +%s%N)
    awk -v t="$((end - start))" 'BEGIN { printf " %.1f", t / 1e9 }'
  done
  echo " s"
}

generate chain ""
cargo check -q --manifest-path "$crate/Cargo.toml"
for shape in chain lattice; do
  generate "$shape" ""; printf '%-8s %d plain functions:' "$shape" "$assets"; measure
  generate "$shape" "#[asset]"; printf '%-8s %d assets:         ' "$shape" "$assets"; measure
done
