//! One set of compiler flags for all that `trybuild` builds.
//!
//! It checks the dependencies with these flags but the last, and then each case with that one too; and a dependency that was checked with
//! other flags is checked again, Polars with the rest. A variable that a build script sets is there when the test runs, and what stands in
//! this one comes before the flags on a command line.

#![forbid(unsafe_code)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let flags = ["--cfg", "trybuild", "--verbose", "-A", "dead_code", "--diagnostic-width=140"];
    println!("cargo::rustc-env=CARGO_ENCODED_RUSTFLAGS={}", flags.join("\x1f"));
}
