//! The initramfs of a server that serves, and packages that would rebuild it.

use replant::step::{Seen, StepKind};

use crate::place::{Place, step};

const IMAGE: &str = "/boot/initrd.img-6.1.0";
const KEEP: &str = "/var/lib/replant/srv1";

fn initramfs(must: &[&str]) -> StepKind {
    let must = must.iter().map(|path| format!("\"{path}\"")).collect::<Vec<_>>().join(", ");
    step(&format!(
        r#"{{ "initramfs": {{ "kernel": "6.1.0", "keep": "{KEEP}", "dir": "/run/replant", "must_have": [{must}] }} }}"#
    ))
}

/// mkinitramfs(8) makes an image of these paths.
fn old(paths: &str) -> Place {
    let place = Place::new();
    place.write(IMAGE, "as it was");
    place.write("/tmp/paths", paths);
    place.stub("mkinitramfs", "cp /tmp/paths \"$2\"").stub("lsinitramfs", "cat \"$1\"");
    place.stub("df", "echo Avail; cat /tmp/room 2>/dev/null || echo 1000000");
    place
}

/// Where kernels keep their modules is part of /usr, which is this machine's: the script is told of another place.
fn build(place: &Place, must: &[&str]) -> crate::place::Ran {
    let acts = initramfs(must).as_step().apply();
    place.write("/modules/6.1.0/modules.builtin", "kernel/drivers/md/dm-mod.ko\n");
    let mut all = None;
    for act in acts {
        if let replant::host::Act::Put { path, text, .. } = &act {
            let text = text.0.replace("/lib/modules/", "/modules/");
            assert_ne!(text, "", "{path}");
            place.write(path, &text);
        } else {
            all = Some(place.act(&act));
        }
    }
    all.expect("something is run")
}

#[test]
fn an_initramfs_is_built_and_taken_back() {
    let place = old("usr/lib/virtio-scsi.ko\nscripts/local-block/replant\n");
    assert_eq!(place.observe(&initramfs(&[])), Seen::Absent);
    build(&place, &["/virtio_scsi.ko", "scripts/local-block/replant"]).good();
    assert_eq!(place.read(IMAGE).unwrap(), place.read("/tmp/paths").unwrap());
    assert_eq!(place.observe(&initramfs(&[])), Seen::Present);
    place.write(IMAGE, "by somebody else");
    assert!(matches!(place.observe(&initramfs(&[])), Seen::Partial(_)));
    // what is kept is what was there before us, also when it is built again
    build(&place, &[]).good();
    assert_eq!(place.observe(&initramfs(&[])), Seen::Present);
    place.undo(&initramfs(&[])).good();
    assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    assert_eq!(place.observe(&initramfs(&[])), Seen::Absent);
    assert!(!place.there(KEEP), "nothing is left behind");
}

#[test]
fn one_that_lacks_a_driver_does_not_get_to_boot() {
    for must in ["/nvme.ko", "scripts/local-block/other"] {
        let place = old("usr/lib/virtio_scsi.ko\nscripts/local-block/replant\n");
        build(&place, &["/virtio_scsi.ko", must]).fails(1, &format!("lacks {}", must.replace('-', "_")), &[]);
        assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
        assert!(matches!(place.observe(&initramfs(&[])), Seen::Partial(_)));
        place.undo(&initramfs(&[])).good();
        assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    }
}

#[test]
fn what_is_built_into_the_kernel_need_not_be_in_it() {
    build(&old("x\n"), &["/dm_mod.ko"]).good();
}

#[test]
fn a_full_boot_is_left_as_it_is() {
    let place = old("0123456789\n");
    // as large as what is free: not a byte may be too many, and one must be left
    place.write("/tmp/room", "11\n");
    build(&place, &[]).fails(1, "/boot has 11 bytes free", &[]);
    assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    assert!(!place.there(&format!("{IMAGE}.replant")));
    place.write("/tmp/room", "12\n");
    build(&place, &[]).good();
}

#[test]
fn one_that_cannot_be_built_does_not_get_to_boot() {
    let place = old("x\n");
    place.stub("mkinitramfs", "exit 1");
    assert_eq!(build(&place, &[]).code, 1);
    assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    place.stub("mkinitramfs", "cp /tmp/paths \"$2\"").stub("sha256sum", "exit 1");
    assert_ne!(build(&place, &[]).code, 0);
    assert_eq!(
        place.read(IMAGE).as_deref(),
        Some("as it was"),
        "it is not put in place before it can be known again"
    );
}

/// Killed after the hash was written and before the image was put in place: it is built again, from what was there.
#[test]
fn one_that_is_half_in_place_is_taken_back_whole() {
    let place = old("x\n");
    place.stub("mv", "case $2 in /boot/*) exit 9 ;; *) exec /usr/bin/mv \"$@\" ;; esac");
    assert_eq!(build(&place, &[]).code, 9);
    assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    assert!(matches!(place.observe(&initramfs(&[])), Seen::Partial(_)));
    place.stub("mv", "exec /usr/bin/mv \"$@\"");
    place.undo(&initramfs(&[])).good();
    assert_eq!(place.read(IMAGE).as_deref(), Some("as it was"));
    assert_eq!(place.observe(&initramfs(&[])), Seen::Absent);
}

// ---- packages -----------------------------------------------------------------------------------------------------------

fn packages() -> StepKind {
    step(r#"{ "packages": { "packages": [["open-iscsi", "2.1.8"]], "dir": "/run/replant" } }"#)
}

fn debian() -> Place {
    let place = Place::new();
    place.write("/etc/initramfs-tools/update-initramfs.conf", "update_initramfs=yes\n");
    // a mount namespace is somewhere else: what is bound there is here a copy
    place.stub("unshare", "[ \"$1\" = --mount ] && shift; exec \"$@\"");
    place
        .stub("mount", "[ \"$1\" = --bind ] && cp \"$3\" \"$3.was\" && cp \"$2\" \"$3\"")
        .stub("umount", "mv \"$1.was\" \"$1\"");
    place.stub("apt-get", "cat /etc/initramfs-tools/update-initramfs.conf >>/tmp/seen");
    place
}

#[test]
fn packages_are_installed_in_just_this_version_and_rebuild_no_initramfs() {
    let place = debian();
    let ran = place.apply(&packages());
    let apt = ran.good().calls_of(&["apt-get"]);
    assert!(apt[0].ends_with(" update") && apt[1].ends_with(" open-iscsi=2.1.8"), "{apt:?}");
    assert!(apt[1].contains("--no-install-recommends") && apt[1].contains("--force-confold"), "{apt:?}");
    assert!(apt.iter().all(|call| call.contains("DPkg::Lock::Timeout")), "{apt:?}");
    assert_eq!(place.read("/tmp/seen").unwrap(), "update_initramfs=no\n".repeat(2));
    assert_eq!(place.read("/etc/initramfs-tools/update-initramfs.conf").unwrap(), "update_initramfs=yes\n");
    assert!(ran.calls.iter().any(|call| call.starts_with("unshare --mount")), "in a namespace of its own");
    assert_eq!(ran.calls_of(&["dpkg"]), ["dpkg --audit"]);
}

#[test]
fn what_an_interrupted_run_left_is_finished_first() {
    let place = debian();
    place.stub("dpkg", "[ \"$1\" != --audit ] || echo 'half installed'");
    assert_eq!(place.apply(&packages()).good().calls_of(&["dpkg"]), ["dpkg --audit", "dpkg --configure -a"]);
}

#[test]
fn packages_that_cannot_be_had_are_a_failure() {
    let place = debian();
    place.stub("apt-get", "case \"$*\" in *update) exit 100 ;; esac");
    place.apply(&packages()).fails(100, "", &["apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install"]);
    assert_eq!(place.read("/etc/initramfs-tools/update-initramfs.conf").unwrap(), "update_initramfs=yes\n");
    place.stub("apt-get", "case \"$*\" in *install*) exit 100 ;; esac");
    assert_eq!(place.apply(&packages()).code, 100);
    place.stub("mount", "exit 32");
    place.apply(&packages()).fails(32, "", &["apt-get"]);
}

#[test]
fn packages_go_with_what_they_configured() {
    let ran = debian().undo(&packages());
    let apt = ran.good().calls_of(&["apt-get"]);
    assert!(apt.len() == 1 && apt[0].ends_with(" purge open-iscsi"), "{apt:?}");
    assert!(!ran.calls.iter().any(|call| call.contains("autoremove")));
    let place = debian();
    place.run(&["sh", "/run/replant/packages.sh", "upgrade", "x"]).fails(2, "", &["apt-get"]);
}
