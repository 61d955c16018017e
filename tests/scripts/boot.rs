//! /boot, file systems, the boot loader, the boot hook, what is tidied away.

use replant::step::StepKind;

use crate::place::{Place, Ran, node};

/// A job's script, with other arguments.
fn job(id: &str, place: &Place, args: &[&str]) -> Ran {
    let script = match &node(id).step {
        StepKind::Job(step) => step.script.clone(),
        StepKind::FsCheck(step) => step.script.clone(),
        StepKind::BootProof(step) => step.script.clone(),
        StepKind::BootLoader(step) => step.script.clone(),
        other => panic!("{id} has no script: {other:?}"),
    };
    place.write("/run/job.sh", &script);
    place.run(&[&["sh", "/run/job.sh"], args].concat())
}

/// Two block devices, in files: `blockdev` and `dd` know them without their caches.
fn devices(from: &str, to: &str) -> Place {
    let place = Place::new();
    place.write("/dev/from", from).write("/dev/to", to);
    place.stub("blockdev", "[ \"$1\" != --getsize64 ] || stat -c %s \"$2\"");
    place.stub(
        "dd",
        "for word do shift; case $word in iflag=direct | oflag=direct) ;; *direct,*) set -- \"$@\" \"iflag=${word#*,}\" ;; \
         *) set -- \"$@\" \"$word\" ;; esac; done\nexec /usr/bin/dd \"$@\" conv=notrunc",
    );
    place
}

const HASH: &str = "/var/lib/replant/srv1/boot.sha256";

#[test]
fn boot_is_copied_and_proven() {
    let place = devices("what old has", "0123456789ABCDEF");
    job("copy-boot", &place, &["/dev/from", "/dev/to", HASH]).good();
    assert_eq!(place.read("/dev/to").unwrap(), "what old hasCDEF");
    let left = place.read(HASH).unwrap();
    assert_eq!(left, format!("{} 12\n", replant::host::sha256("what old has")));
    job("prove-boot", &place, &["/dev/to", HASH]).good();
}

#[test]
fn a_target_that_is_too_small_is_not_written_to() {
    let place = devices("what old has", "0123456789A");
    job("copy-boot", &place, &["/dev/from", "/dev/to", HASH]).fails(1, "has 11 bytes", &["dd"]);
    assert!(!place.there(HASH));
}

#[test]
fn a_target_of_the_same_size_is_enough() {
    job("copy-boot", &devices("12", "xx"), &["/dev/from", "/dev/to", HASH]).good();
}

/// Something else writes to it, or it does not keep what it was given.
#[test]
fn a_copy_that_differs_is_no_copy() {
    let place = devices("what old has", "0123456789ABCDEF");
    place.stub("sync", "").stub(
        "blockdev",
        "case $1 in --getsize64) stat -c %s \"$2\" ;; *) case $2 in */to) echo X >/dev/to ;; esac ;; esac",
    );
    job("copy-boot", &place, &["/dev/from", "/dev/to", HASH]).fails(1, "the copy differs", &[]);
    assert!(!place.there(HASH), "a hash is left of a copy that is none");
}

#[test]
fn a_copy_that_cannot_be_written_is_no_copy() {
    let place = devices("what old has", "0123456789ABCDEF");
    place.stub("dd", "echo 'dd: Input/output error' >&2; exit 1");
    job("copy-boot", &place, &["/dev/from", "/dev/to", HASH]).fails(1, "Input/output error", &[]);
    assert!(!place.there(HASH));
}

/// What is compared is what is on the disks: caches are dropped, on both.
#[test]
fn both_devices_are_flushed() {
    let ran = job("copy-boot", &devices("12", "xx"), &["/dev/from", "/dev/to", HASH]);
    let calls = ran.calls_of(&["sync", "blockdev", "dd"]);
    let place = |text: &str| {
        calls.iter().position(|call| call.starts_with(text)).unwrap_or_else(|| panic!("{text}: {calls:?}"))
    };
    let copied = place("dd if=/dev/from of=/dev/to");
    assert!(place("sync") < copied && place("blockdev --flushbufs /dev/from") < copied, "{calls:?}");
    assert!(place("blockdev --flushbufs /dev/to") > copied, "{calls:?}");
    assert!(place("dd if=/dev/to") > place("blockdev --flushbufs /dev/to"), "{calls:?}");
    assert!(calls.iter().filter(|call| call.starts_with("dd")).all(|call| call.contains("direct")), "{calls:?}");
}

#[test]
fn what_did_not_arrive_is_noticed() {
    let place = devices("what old has", "what old hat");
    place.write(HASH, &format!("{} 12\n", replant::host::sha256("what old has")));
    job("prove-boot", &place, &["/dev/to", HASH]).fails(1, "old had", &[]);
    job("prove-boot", &place, &["/dev/from", HASH]).good();
    job("prove-boot", &place, &["/dev/from", "/var/no/hash"]).fails(2, "/var/no/hash", &[]);
    place.write(HASH, "");
    assert_ne!(job("prove-boot", &place, &["/dev/from", HASH]).code, 0);
}

#[test]
fn a_file_system_that_cannot_be_mended_ends_it() {
    for (code, good) in [(0, true), (1, true), (2, false), (4, false), (8, false), (12, false)] {
        let place = Place::new();
        place.stub("e2fsck", &format!("exit {code}"));
        let ran = job("check-vg0-root", &place, &["ext4", "/dev/x"]);
        assert_eq!(ran.code, if good { 0 } else { code }, "e2fsck exits with {code}");
        assert_eq!(ran.calls, ["e2fsck -f -p /dev/x"]);
    }
    for kind in ["ext2", "ext3"] {
        let place = Place::new();
        place.stub("e2fsck", "exit 4");
        assert_eq!(job("check-vg0-root", &place, &[kind, "/dev/x"]).code, 4);
    }
}

#[test]
fn an_xfs_that_is_broken_ends_it() {
    let place = Place::new();
    let ran = job("check-vg0-root", &place, &["xfs", "/dev/x"]);
    let calls = ran.good().calls.clone();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(calls[0].starts_with("mount -t xfs /dev/x /run/replant-xfs."), "{calls:?}");
    assert!(calls[1].starts_with("umount /run/replant-xfs."), "{calls:?}");
    // only looked at: what xfs_repair would change nobody has agreed to
    assert_eq!(calls[2], "xfs_repair -n /dev/x");
    place.stub("xfs_repair", "exit 1");
    assert_eq!(job("check-vg0-root", &place, &["xfs", "/dev/x"]).code, 1);
    place.stub("xfs_repair", "").stub("mount", "exit 32");
    job("check-vg0-root", &place, &["xfs", "/dev/x"]).fails(32, "", &["xfs_repair", "umount"]);
    place.stub("mount", "").stub("umount", "exit 32");
    job("check-vg0-root", &place, &["xfs", "/dev/x"]).fails(32, "", &["xfs_repair"]);
}

#[test]
fn a_disk_without_grub_is_noticed() {
    let place = devices("EFI no loader", "");
    place.write("/dev/disk", "xxGRUBxx");
    let ran = job("grub-a", &place, &["/root", "/dev/disk"]);
    assert!(ran.good().calls[0].starts_with("chroot /root grub-install --target=i386-pc"), "{:?}", ran.calls);
    assert!(ran.calls[0].ends_with("/dev/disk"));
    job("grub-a", &place, &["/root", "/dev/from"]).fails(1, "no GRUB in its first sector", &[]);
    // beyond the first sector it is no boot loader
    place.write("/dev/disk", &format!("{}GRUB", " ".repeat(512)));
    job("grub-a", &place, &["/root", "/dev/disk"]).fails(1, "no GRUB in its first sector", &[]);
    place.write("/dev/disk", "xxGRUBxx").stub("chroot", "exit 1");
    assert_eq!(job("grub-a", &place, &["/root", "/dev/disk"]).code, 1);
}

#[test]
fn a_boot_menu_that_cannot_be_made_is_noticed() {
    let ran = job("finish-boot", &Place::new(), &[]);
    assert_eq!(ran.good().calls, ["update-initramfs -u -k all", "update-grub", "sync"]);
    for tool in ["update-initramfs", "update-grub"] {
        let place = Place::new();
        place.stub(tool, "exit 1");
        assert_eq!(job("finish-boot", &place, &[]).code, 1, "{tool}");
    }
}

/// An update of the boot loader's package would look for old's disks, and leave new unbootable.
#[test]
fn the_boot_loaders_package_learns_of_its_disks() {
    let debian = || {
        let place = Place::new();
        place
            .stub("dpkg-query", "printf 'ii '")
            .stub("debconf-set-selections", "cat >/tmp/debconf")
            .stub("sleep", "");
        place.stub("debconf-show", "sed -n 's/grub-pc \\(.*\\) multiselect /* \\1: /p' /tmp/debconf");
        place
    };
    let place = debian();
    job("finish-boot", &place, &["/dev/a", "/dev/b"]).good();
    let said = place.read("/tmp/debconf").unwrap();
    assert!(said.contains("grub-pc/install_devices multiselect /dev/a, /dev/b\n"), "{said}");
    let place = debian();
    place.stub("debconf-set-selections", "cat >/dev/null; exit 1");
    job("finish-boot", &place, &["/dev/a"]).fails(1, "debconf does not take", &[]);
    let place = debian();
    place.stub("debconf-show", "echo '* grub-pc/install_devices: /dev/old'");
    job("finish-boot", &place, &["/dev/a"]).fails(1, "does not say", &[]);
}

#[test]
fn only_what_is_ours_is_tidied_away() {
    let ours = ["/var/lib/replant/srv1", "/etc/iscsi/nodes/iqn.2026-11.net.replant:srv1.md0"];
    let place = Place::new();
    for dir in ours {
        place.write(&format!("{dir}/file"), "x");
    }
    job("tidy", &place, &ours).good();
    assert!(ours.iter().all(|dir| !place.there(dir)) && !place.there("/var/lib/replant"));
    for other in [
        "/var/lib",
        "/",
        "/etc/iscsi/nodes/iqn.2001-01.other:x",
        "/var/lib/iscsi/nodes/iqn.2001-01.other:x",
        "/var/lib/replantx",
        "/home",
        "/etc/iscsi/nodes",
    ] {
        let place = Place::new();
        place
            .write("/var/lib/file", "x")
            .write("/etc/iscsi/nodes/iqn.2001-01.other:x/file", "x")
            .write("/home/file", "x");
        place.stub("rm", "");
        job("tidy", &place, &[other]).fails(1, "not ours", &["rm"]);
        assert!(place.there("/var/lib/file") && place.there("/home/file"), "{other}");
    }
    let place = Place::new();
    place.write("/var/lib/replant/other/file", "x").write("/var/lib/replant/srv1/file", "x");
    job("tidy", &place, &["/var/lib/replant/srv1"]).good();
    assert!(place.there("/var/lib/replant/other/file"), "another migration's");
}

// ---- the hook in the initramfs ------------------------------------------------------------------------------------------

/// Old boots while its volumes are mirrored. `since`: seconds since the hook was first called.
fn hook(since: u64, pvs: &str) -> Ran {
    let StepKind::File(file) = &node("boot-hook").step else { panic!("the hook is a file") };
    let place = Place::new();
    place.write("/hook", &file.text.0).write("/proc/uptime", "100.50 200.00\n");
    place.write("/run/replant-since", &format!("{}\n", 100 - since));
    place.write("/pvs", pvs).stub("lvm", "case $1 in pvs) cat /pvs ;; vgs) echo '  1' ;; esac");
    place.run(&["sh", "/hook"])
}

/// The lab's physical volume of old, out of the hook itself.
fn olds() -> String {
    let StepKind::File(file) = &node("boot-hook").step else { panic!("the hook is a file") };
    let line = file.text.0.lines().find_map(|line| line.trim().strip_prefix("all_here ")).unwrap();
    line.trim().to_string()
}

const GIVES_UP: &[&str] = &["vgreduce", "lvconvert", "vgchange"];

fn gave_up(ran: &Ran) -> bool {
    ran.calls.iter().any(|call| GIVES_UP.iter().any(|name| call.starts_with(&format!("lvm {name}"))))
}

#[test]
fn old_comes_back_without_new() {
    let ran = hook(15, &format!("  /dev/md1 {}\n  [unknown] ZtxKO0-0ma5\n", olds()));
    assert!(gave_up(ran.good()));
    let lvm: Vec<&str> = ran
        .calls
        .iter()
        .map(|call| call.trim_start_matches("lvm "))
        .filter(|call| !call.starts_with("pvs") && !call.starts_with("vgs"))
        .collect();
    assert_eq!(lvm[0], "vgreduce --removemissing --mirrorsonly --force vg0");
    assert!(lvm[1].starts_with("lvconvert --yes --mirrors 0 vg0/"), "{lvm:?}");
    let end = &lvm[lvm.len() - 2..];
    // without --force: nothing of old's own is given up with it
    assert_eq!(
        end,
        ["vgreduce --removemissing vg0", "vgchange --sysinit --activate y --activationmode degraded vg0"]
    );
}

#[test]
fn new_is_waited_for_before_it_is_given_up() {
    let ran = hook(14, &format!("  /dev/md1 {}\n", olds()));
    assert!(!gave_up(ran.good()));
}

/// A disk of old's own that is not there yet would be given up with new: its volumes would be lost.
#[test]
fn nothing_is_given_up_while_a_disk_of_old_is_missing() {
    for pvs in ["".to_string(), format!("  [unknown] {}\n", olds()), "  /dev/md1 other\n".into()] {
        assert!(!gave_up(hook(60, &pvs).good()), "{pvs}");
    }
}

#[test]
fn the_first_call_only_looks_at_the_clock() {
    let StepKind::File(file) = &node("boot-hook").step else { panic!("the hook is a file") };
    let place = Place::new();
    place.write("/hook", &file.text.0).write("/proc/uptime", "100.50 200.00\n");
    place.stub("lvm", &format!("case $1 in pvs) echo '  /dev/md1 {}' ;; vgs) echo '  1' ;; esac", olds()));
    assert!(!gave_up(place.run(&["sh", "/hook"]).good()));
    assert_eq!(place.read("/run/replant-since").as_deref(), Some("100\n"));
    place.write("/proc/uptime", "115.00 200.00\n");
    assert!(gave_up(place.run(&["sh", "/hook"]).good()));
    assert_eq!(place.run(&["sh", "/hook", "prereqs"]).calls, [""; 0]);
}

/// Nothing of it is missing, or new is there after all: its mirrors stay.
#[test]
fn a_group_that_is_whole_is_left_alone() {
    let StepKind::File(file) = &node("boot-hook").step else { panic!("the hook is a file") };
    let place = Place::new();
    place.write("/hook", &file.text.0).write("/proc/uptime", "100.50 200.00\n").write("/run/replant-since", "1\n");
    place.stub("lvm", &format!("case $1 in pvs) echo '  /dev/md1 {}' ;; vgs) echo '  0' ;; esac", olds()));
    assert!(!gave_up(place.run(&["sh", "/hook"]).good()));
}

fn same_boot(place: &Place) -> replant::step::Seen {
    let json = format!(
        r#"{{ "same-boot": {{ "target": "/boot", "device": "/dev/from", "lun": "/dev/to", "hash_file": "{HASH}", "size": 12,
        "check": false, "script": "true", "dir": "/run/replant" }} }}"#
    );
    place.observe(&crate::place::step(&json))
}

/// /boot is read again when all is quiet: what was written to it meanwhile is not on new.
#[test]
fn a_boot_that_was_written_to_is_noticed() {
    use replant::step::Seen;
    let place = devices("what old has", "");
    assert_eq!(same_boot(&place), Seen::Absent, "nobody knows what was copied");
    place.write(HASH, &format!("{} 12\n", replant::host::sha256("what old has")));
    assert_eq!(same_boot(&place), Seen::Present);
    // what is in memory only is written first
    place.stub("sync", "echo 'what old hat' >/dev/from");
    assert_eq!(same_boot(&place), Seen::Absent);
    let place = devices("what old has", "");
    place.write(HASH, &format!("{} 12\n", replant::host::sha256("what old has")));
    let place = {
        place.stub("blockdev", "[ \"$1\" != --flushbufs ] || echo X >/dev/from");
        place
    };
    assert_eq!(same_boot(&place), Seen::Absent);
}
