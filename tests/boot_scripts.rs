//! The scripts for the boot loader's package and for packages, run with commands of our own in place of the system's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FINISH_BOOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/family/scripts/debian/finish-boot.sh");
const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/family/scripts/debian/packages.sh");

/// A directory of commands, and what they leave.
struct Fakes(tempfile::TempDir);

impl Fakes {
    /// Each command with its script; `$STATE` is a directory for them.
    fn new(commands: &[(&str, &str)]) -> Fakes {
        let fakes = Fakes(tempfile::tempdir().unwrap());
        for (name, script) in commands {
            let path = fakes.0.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        fakes
    }

    fn run(&self, script: &str, args: &[&str]) -> Output {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.0.path().display());
        let mut command = Command::new("sh");
        command.arg(script).args(args).env("PATH", path).env("STATE", self.0.path());
        command.output().unwrap()
    }

    fn left(&self, name: &str) -> String {
        let path: PathBuf = Path::new(self.0.path()).join(name);
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

const NOTHING: [(&str, &str); 4] =
    [("update-initramfs", ":"), ("update-grub", ":"), ("sync", ":"), ("dpkg-query", "printf 'ii '")];
/// As debconf-show(1) prints what debconf-set-selections(1) was given.
const SET: (&str, &str) = ("debconf-set-selections", "cat >\"$STATE/said\"");
const SHOW: (&str, &str) =
    ("debconf-show", "sed -n 's/^grub-pc \\([^ ]*\\) [a-z]* /* \\1: /p' \"$STATE/said\" 2>/dev/null");
const DISKS: [&str; 2] = ["/dev/disk/by-id/wwn-0x5000c50000000001", "/dev/disk/by-id/wwn-0x5000c50000000002"];

/// The package of the boot loader installs it again with each update, where its own memory says.
#[test]
fn the_package_of_the_boot_loader_learns_of_new_disks() {
    let fakes = Fakes::new(&[NOTHING.as_slice(), &[SET, SHOW]].concat());
    let output = fakes.run(FINISH_BOOT, &DISKS);
    assert!(output.status.success(), "{output:?}");
    let said = fakes.left("said");
    assert!(
        said.contains(&format!("grub-pc grub-pc/install_devices multiselect {}, {}\n", DISKS[0], DISKS[1])),
        "{said}"
    );
    assert!(said.contains("grub-pc/install_devices_empty boolean false"), "{said}");
    // and it is proven: a debconf that keeps its own is noticed
    let stubborn = ("debconf-show", "echo '* grub-pc/install_devices: /dev/disk/by-id/ata-OLD0'");
    let fakes = Fakes::new(&[NOTHING.as_slice(), &[SET, stubborn]].concat());
    let output = fakes.run(FINISH_BOOT, &DISKS);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("debconf does not say"), "{output:?}");
}

#[test]
fn a_system_without_that_package_is_left_alone() {
    let mut commands = [NOTHING.as_slice(), &[("debconf-set-selections", "touch \"$STATE/asked\"; exit 1")]].concat();
    commands[3] = ("dpkg-query", "printf 'rc '; exit 0");
    let fakes = Fakes::new(&commands);
    assert!(fakes.run(FINISH_BOOT, &DISKS).status.success());
    commands[3] = ("dpkg-query", "exit 1");
    let fakes = Fakes::new(&commands);
    assert!(fakes.run(FINISH_BOOT, &DISKS).status.success());
    assert!(!fakes.0.path().join("asked").exists());
}

/// While old serves, nothing may be restarted, asked, or built.
#[test]
fn package_work_restarts_and_asks_nothing() {
    let fakes = Fakes::new(&[
        ("unshare", "shift; exec \"$@\""),
        ("mount", ":"),
        ("umount", ":"),
        ("mktemp", "echo \"$STATE/conf\""),
        ("dpkg", ":"),
        ("systemctl", ":"),
        ("apt-get", "env >>\"$STATE/env\""),
    ]);
    for (way, package) in [("install", "open-iscsi=2.1.8-1"), ("purge", "open-iscsi")] {
        let output = fakes.run(PACKAGES, &[way, package]);
        assert!(output.status.success(), "{output:?}");
        let env = fakes.left("env");
        for set in [
            "DEBIAN_FRONTEND=noninteractive",
            "NEEDRESTART_SUSPEND=1",
            "NEEDRESTART_MODE=l",
            "INITRD=No",
            "APT_LISTCHANGES_FRONTEND=none",
            "APT_LISTBUGS_FRONTEND=none",
        ] {
            assert!(env.lines().any(|line| line == set), "{way} without {set}:\n{env}");
        }
        std::fs::remove_file(fakes.0.path().join("env")).unwrap();
    }
}
