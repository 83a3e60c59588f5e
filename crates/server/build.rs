//! Rebuilds the release binary when npm has built other files: `rust-embed` alone notices changed files, not new ones.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A missing directory counts as changed at every build, and a debug build reads the files at run time anyway.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed=../../roomkit/dist");
        println!("cargo::rerun-if-changed=../../web/dist");
    }
}
