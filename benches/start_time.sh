#!/usr/bin/env bash
# How long it takes from the start of a process until its graph is ready, with 10,000 functions that are assets: layers of a hundred, each
# asset made from two of the layer before.
#
#   benches/start_time.sh [ASSETS]
#
# Compiles that crate, optimized, which takes some minutes; then prints the median of 15 processes, beside the median of as many that do nothing.
set -euo pipefail
assets="${1:-10000}"
here=$(cd "$(dirname "$0")/.." && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lakewright/target}" CARGO_INCREMENTAL=0
crate=$(mktemp -d)
trap 'rm -rf "$crate"' EXIT
mkdir -p "$crate/src"
cat > "$crate/Cargo.toml" <<TOML
[package]
name = "lakewright-start-time"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
lakewright = { path = "$here/runtime", default-features = false, features = ["fs", "sqlite"] }
TOML
cp "$here/Cargo.lock" "$crate/Cargo.lock"

awk -v n="$assets" 'BEGIN {
  print "//! Generated.\nuse lakewright::prelude::*;"
  for (i = 0; i < n; i++) {
    parameters = ""; body = "0"
    if (i >= 100) {
      above = i - 100; beside = above - above % 100 + (above + 1) % 100
      parameters = sprintf("a%05d: u8, a%05d: u8", above, beside)
      body = sprintf("a%05d ^ a%05d", above, beside)
    }
    printf "/// One of many.\n#[asset(io_manager = \"memory\", group = \"layer%03d\")]\n", i / 100
    printf "pub fn a%05d(%s) -> u8 { %s }\n", i, parameters, body
  }
}' > "$crate/src/assets.rs"

cat > "$crate/src/main.rs" <<'RUST'
//! Starts itself, and says how long it took until the graph was ready.
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lakewright::{Lakehouse, Registry};

mod assets;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("nothing") => println!("ready"),
        Some("graph") => {
            let lakehouse = Lakehouse::builder().default_stores().build().unwrap();
            println!("ready");
            // Nobody waits for what is given back.
            std::mem::forget(lakehouse);
        }
        _ => {
            let start = Instant::now();
            let registry = Registry::collect();
            let collected = start.elapsed();
            let assets = registry.assets().len();
            let lakehouse = Lakehouse::builder().registry(registry).default_stores().build().unwrap();
            let built = start.elapsed() - collected;
            println!("in one process: {assets} assets collected in {}, checked and made a graph in {}", ms(collected), ms(built));
            drop(lakehouse);
            // Taken in turns, since the machine may do other things.
            let pairs: Vec<_> = (0..15).map(|_| (until_ready("nothing"), until_ready("graph"))).collect();
            let median = |mut times: Vec<Duration>| {
                times.sort_unstable();
                times[times.len() / 2]
            };
            println!("from the start of a process until it says something: {}", ms(median(pairs.iter().map(|pair| pair.0).collect())));
            println!("from the start of a process to its graph: {}", ms(median(pairs.iter().map(|pair| pair.1).collect())));
        }
    }
}

fn until_ready(what: &str) -> Duration {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap()).arg(what).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 5];
    child.stdout.take().unwrap().read_exact(&mut said).unwrap();
    let took = start.elapsed();
    child.wait().unwrap();
    took
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
RUST
cargo run -q --release --manifest-path "$crate/Cargo.toml"
