//! A new migration rebuilds this crate: the macro that embeds them sees only the files it already knew.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../migrations");
}
