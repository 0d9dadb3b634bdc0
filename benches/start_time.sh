#!/usr/bin/env bash
# How long it takes from the start of a process until its graph is ready, with 10,000 assets that are registered as `#[asset]` does: layers of
# a hundred, each asset made from two of the layer before.
#
#   benches/start_time.sh [ASSETS]
#
# Compiles that crate, optimized; then prints the median of 15 processes, beside the median of as many that do nothing.
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

# The records as `#[asset]` writes them down, without what the compiler checks: of ten thousand functions in one crate that takes it longer
# than anybody waits.
awk -v n="$assets" 'BEGIN {
  print "//! Generated."
  print "use lakewright::__private::{AssetDef, BoxFuture, Call, InputDef, OutputSpec, Produced, Registered, Result, Source, inventory};"
  print "fn output() -> OutputSpec { OutputSpec { kind: lakewright::ValueKind::Object, optional: false, type_name: \"u8\", columns: None } }"
  print "fn body(call: Call) -> BoxFuture<\x27static, Result<Produced>> { Box::pin(async move { call.produce_object(0_u8) }) }"
  for (i = 0; i < n; i++) {
    inputs = ""
    if (i >= 100) {
      above = i - 100; beside = above - above % 100 + (above + 1) % 100
      inputs = sprintf("InputDef::of(\"a%05d\", || &A%05d), InputDef::of(\"a%05d\", || &A%05d)", above, above, beside, beside)
    }
    printf "static A%05d: AssetDef = AssetDef { key: &[\"a%05d\"], source: Source { file: \"assets.rs\", line: %d }, ", i, i, i + 1
    printf "io_manager: Some(\"memory\"), group: Some(\"layer%03d\"), description: Some(\"One of many.\"), ", i / 100
    printf "code_hash: Some(\"%032d\"), inputs: &[%s], output, body: Some(body), ..AssetDef::EMPTY };\n", i, inputs
    printf "inventory::submit! { Registered(&A%05d) }\n", i
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
