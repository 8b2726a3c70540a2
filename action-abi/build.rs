//! Says whether the compiler knows `#[diagnostic::on_unimplemented]`, which came with 1.78: an older one stops at it.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let minor = version.ok().and_then(|output| {
        // rustc 1.63.0 (4b91a6ea7 2022-08-08)
        let text = String::from_utf8(output.stdout).ok()?;
        text.split('.').nth(1)?.parse::<u32>().ok()
    });
    if minor.map_or(false, |minor| minor >= 78) {
        println!("cargo:rustc-cfg=diagnostics");
    }
}
