//! Links Debian's libespeak-ng (package `libespeak-ng-dev`), whose licence makes this program GPL-3.0-or-later.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=espeak-ng");
}
