//! KVM where it truly works, emulation otherwise. That /dev/kvm is there says little: it is tried with the lab's own kernel.

use crate::shell::attempt;
use crate::workspace::Lab;
use crate::{Fallible, say};
use std::path::Path;

/// `kvm` or `tcg`. The answer is kept until this machine boots again.
pub fn choose(lab: &Lab, kernel: &Path) -> Fallible<&'static str> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let kept = lab.root.join("accelerator");
    let text = std::fs::read_to_string(&kept).unwrap_or_default();
    if let Some(answer) = text.strip_prefix(boot.trim()) {
        return Ok(if answer.trim() == "kvm" { "kvm" } else { "tcg" });
    }
    let answer = if Path::new("/dev/kvm").exists() && runs_a_kernel(kernel)? { "kvm" } else { "tcg" };
    say::line(format_args!("machines run under {answer}"));
    fs_err::write(kept, format!("{} {answer}\n", boot.trim()))?;
    Ok(answer)
}

/// The kernel has no root file system here; if it gets as far as missing one, KVM runs it.
fn runs_a_kernel(kernel: &Path) -> Fallible<bool> {
    let kernel = kernel.display().to_string();
    let argv = [
        "timeout",
        "-k",
        "5",
        "25",
        "qemu-system-x86_64",
        "-machine",
        "pc",
        "-accel",
        "kvm",
        "-cpu",
        "host",
        "-m",
        "512",
        "-display",
        "none",
        "-vga",
        "none",
        "-nodefaults",
        "-no-reboot",
        "-serial",
        "stdio",
        "-kernel",
        &kernel,
        "-append",
        "console=ttyS0 panic=-1",
    ];
    Ok(attempt(&argv)?.stdout.contains("Unable to mount root fs"))
}
