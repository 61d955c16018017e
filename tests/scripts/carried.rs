//! What new boots with before anything is copied: files that old puts onto its `/boot`, and a boot loader on each of its disks
//! by old's own tools.

use replant::step::StepKind;

use crate::hold::nodes;
use crate::place::{Place, Ran};

fn job(id: &str) -> &'static str {
    let node = nodes().iter().find(|node| node.id.0 == id).unwrap_or_else(|| panic!("there is no step {id}"));
    let StepKind::Job(job) = &node.step else { panic!("{id} is a job") };
    &job.script
}

const UNSHARE: &str = "[ \"$1\" = --mount ] || exit 1; shift; PRIVATE=yes exec \"$@\"";
/// A mounted file system is a link to the directory that it is.
const MOUNT: &str = r#"[ "${PRIVATE-}" = yes ] || { echo "everybody would see it" >&2; exit 32; }
for last; do :; done
case "$*" in
*tmpfs*) : >/tmpfs; exit 0 ;;
*--bind*) exit 0 ;;
*/dev/boot*) [ -d "$last" ] && [ ! -L "$last" ] || exit 32; rmdir "$last" && ln -s /fs "$last" ;;
*) echo "wrong fs type" >&2; exit 32 ;;
esac"#;
const UMOUNT: &str = r#"if [ -L "$1" ]; then rm "$1"; mkdir "$1"; elif [ -e /tmpfs ]; then case $1 in */boot | */dev | */proc | */sys | */run) ;; *) rm -rf "$1"; mkdir "$1" ;; esac; fi"#;

// ---- a file onto new's /boot ---------------------------------------------------------------------------------------------

const NAME: &str = "initrd.img-6.1";

/// Old, with new's `/boot` by iSCSI, on which there is a copy of old's own image.
fn with_boot() -> Place {
    let place = Place::new();
    place.stub("unshare", UNSHARE).stub("mount", MOUNT).stub("umount", UMOUNT).stub("blkid", "cat /kind");
    place.stub("df", "echo Avail; cat /room").stub("cp", "exec /usr/bin/cp \"$@\"");
    place.write("/put", job("boot-tools")).write("/kind", "ext4\n").write("/room", "100000000\n");
    place.write(&format!("/fs/{NAME}"), "old's own").write("/fs/vmlinuz", "kernel").write("/hold.img", "the hold");
    place
}

fn put(place: &Place) -> Ran {
    place.run(&["sh", "/put", "/dev/boot", "/run/replant/boot", NAME, "/hold.img"])
}

fn on_new(place: &Place) -> String {
    place.read(&format!("/fs/{NAME}")).unwrap_or_default()
}

fn nothing_half(place: &Place) {
    let names: Vec<_> = std::fs::read_dir(place.at("/fs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() <= 2 && place.there("/fs/vmlinuz"), "{names:?}");
}

#[test]
fn a_file_gets_onto_news_boot() {
    use std::os::unix::fs::PermissionsExt;
    let place = with_boot();
    let ran = put(&place);
    assert_eq!(
        ran.good().calls_of(&["mount", "umount", "blockdev", "cp", "sync"]),
        [
            "mount -o noatime /dev/boot /run/replant/boot",
            "cp /hold.img /run/replant/boot/initrd.img-6.1.replant",
            "sync /run/replant/boot/initrd.img-6.1.replant",
            "sync -f /run/replant/boot",
            "umount /run/replant/boot",
            // what is compared is on the disk, and not in memory
            "blockdev --flushbufs /dev/boot",
            "mount -o noatime,ro /dev/boot /run/replant/boot",
            "umount /run/replant/boot",
        ]
    );
    assert_eq!(on_new(&place), "the hold");
    let mode = std::fs::metadata(place.at(&format!("/fs/{NAME}"))).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it has a private key in it");
    assert!(!place.there("/run/replant/boot"));
    nothing_half(&place);
    // again: it is there, and is only proven
    let ran = put(&place);
    assert_eq!(ran.good().calls_of(&["cp"]), [""; 0]);
    assert!(ran.calls.contains(&"blockdev --flushbufs /dev/boot".to_string()));
    // a copy of an xfs that is mounted here has the same UUID
    let place = with_boot();
    place.write("/kind", "xfs\n");
    assert_eq!(
        put(&place).good().calls_of(&["mount"]),
        [
            "mount -o noatime,nouuid /dev/boot /run/replant/boot",
            "mount -o noatime,nouuid,ro /dev/boot /run/replant/boot"
        ]
    );
}

#[test]
fn what_is_not_on_the_disk_is_no_file() {
    for (what, body) in [
        ("another", format!("echo 'the hole' >/fs/{NAME}")),
        ("half", format!("printf 'the h' >/fs/{NAME}")),
        ("none", format!("rm /fs/{NAME}")),
    ] {
        let place = with_boot();
        place.stub("blockdev", &body);
        let ran = put(&place);
        ran.fails(1, "it should be", &[]);
        assert!(!place.there("/run/replant/boot"), "{what}: {:?}", ran.calls);
    }
}

/// Where it cannot be mounted, or not be put there, nothing of it is anywhere, and what was there is there.
#[test]
fn one_that_cannot_be_put_there_is_not_half_there() {
    let worlds = [
        ("mount", "exit 32".to_string(), 32),
        // somebody has it mounted already, and writes to it
        ("mount", format!("case $2 in *,ro) echo busy >&2; exit 32 ;; esac\n{MOUNT}"), 32),
        ("blockdev", "exit 1".into(), 1),
        ("umount", "exit 32".into(), 32),
        ("cp", "printf 'the h' >\"$2\"; echo 'No space left on device' >&2; exit 1".into(), 1),
        ("sync", "case $1 in *.replant) exit 5 ;; esac".into(), 5),
        ("sync", "case $1 in -f) exit 5 ;; esac".into(), 5),
    ];
    for (tool, body, code) in worlds {
        let place = with_boot();
        place.stub(tool, &body);
        let ran = put(&place);
        let whole = ["old's own", "the hold"];
        assert_eq!(ran.code, code, "{tool}: {body}: {:?}", ran.calls);
        assert!(whole.contains(&on_new(&place).as_str()), "{tool}: {}", on_new(&place));
        // it was interrupted there: the next run does not stumble over what is left
        let _ = std::fs::remove_file(place.at("/run/replant/boot"));
        let fresh = with_boot();
        for (name, file) in [("half", format!("/fs/{NAME}.replant")), ("whole", format!("/fs/{NAME}"))] {
            if let Some(text) = place.read(&file) {
                fresh.write(&file, &text);
            } else {
                assert_eq!(name, "half");
            }
        }
        put(&fresh).good();
        assert_eq!(on_new(&fresh), "the hold", "{tool}");
        nothing_half(&fresh);
    }
    // in no namespace but its own is anything mounted
    let place = with_boot();
    place.stub("unshare", "exit 1");
    put(&place).fails(1, "", &["mount"]);
}

/// The boot loader's package keeps what was there beside what it writes.
#[test]
fn a_full_boot_is_said_before_anything_goes() {
    let (new, old, spare) = ("the hold".len(), "old's own".len(), 8388608);
    // there is room for both, to the byte
    let place = with_boot();
    place
        .write("/room", &format!("{}\n", new + spare))
        .stub("rm", &format!("[ -e /fs/{NAME} ] && : >/both; exec /usr/bin/rm \"$@\""));
    place.stub("cp", &format!("[ ! -e /fs/{NAME} ] || : >/beside; exec /usr/bin/cp \"$@\""));
    put(&place).good();
    assert!(place.there("/beside"), "power that is lost meanwhile leaves what was there");
    // for one of both: what is there is a copy of what old has
    let place = with_boot();
    place.write("/room", &format!("{}\n", new + spare - old));
    place.stub("cp", &format!("[ ! -e /fs/{NAME} ] || : >/beside; exec /usr/bin/cp \"$@\""));
    put(&place).good();
    assert!(!place.there("/beside"), "both do not fit");
    assert_eq!(on_new(&place), "the hold");
    // for neither
    let place = with_boot();
    place.write("/room", &format!("{}\n", new + spare - old - 1));
    put(&place).fails(1, "what the new server boots from has", &["cp", "sync"]);
    assert_eq!(on_new(&place), "old's own");
    // nothing is there that could go
    let place = with_boot();
    std::fs::remove_file(place.at(&format!("/fs/{NAME}"))).unwrap();
    place.write("/room", &format!("{}\n", new + spare - 1));
    put(&place).fails(1, "which needs", &["cp", "sync"]);
    // what an interrupted run left goes first: it takes room
    let place = with_boot();
    place.write(&format!("/fs/{NAME}.replant"), "half");
    place.stub("df", &format!("echo Avail; [ ! -e /fs/{NAME}.replant ] && echo 100000000 || echo 0"));
    put(&place).good();
}

#[test]
fn a_file_that_is_not_there_is_not_put_anywhere() {
    let place = with_boot();
    std::fs::remove_file(place.at("/hold.img")).unwrap();
    put(&place).fails(1, "no such file", &["mount"]);
    assert_eq!(on_new(&place), "old's own");
    nothing_half(&place);
    // nor is it as it should be where nothing is there, or half of it is here
    for text in [None, Some("")] {
        let place = with_boot();
        std::fs::remove_file(place.at(&format!("/fs/{NAME}"))).unwrap();
        std::fs::remove_file(place.at("/hold.img")).unwrap();
        text.map(|text| place.write("/hold.img", text));
        put(&place).fails(1, "no such file", &["mount"]);
    }
}

/// The directory of the boot loader is not there before the boot loader.
#[test]
fn a_file_below_a_directory_gets_there_too() {
    let place = with_boot();
    place.run(&["sh", "/put", "/dev/boot", "/run/replant/boot", "grub/grub.cfg", "/hold.img"]).good();
    assert_eq!(place.read("/fs/grub/grub.cfg").as_deref(), Some("the hold"));
}

// ---- old's boot loader with its tools -------------------------------------------------------------------------------------

const TOOLS: [&str; 6] = ["grub-install", "grub-probe", "grub-mkimage", "udevadm", "mount", "mdadm"];
const FILE: &str = "/run/replant/tools.tar.gz";

/// Where GRUB keeps its modules is part of /usr, which is this machine's: the script is told of another place.
fn with_grub() -> Place {
    let place = Place::new();
    for tool in TOOLS {
        place.stub(tool, "");
    }
    place.stub("ldd", "printf '%s:\\n\\tlinux-vdso.so.1 (0x0)\\n\\tlibc.so.6 => /libs/libc.so.6 (0x0)\\n\\t/libs/ld.so (0x0)\\n' \"$@\"; exit 1");
    place.write("/libs/libc.so.6", "libc").write("/libs/ld.so", "ld").write("/grub/i386-pc/boot.img", "boot");
    place.write("/grub/i386-pc/normal.mod", "normal").write("/grub/i386-pc/grub-bios-setup", "setup");
    place.mode("/grub/i386-pc/grub-bios-setup", 0o755);
    place.write(
        "/pack",
        &job("loader-tools").replace("/usr/lib/grub", "/grub").replace("/usr/sbin/grub", "/none/grub"),
    );
    place
}

fn pack(place: &Place) -> Ran {
    place.run(&["sh", "/pack", FILE])
}

#[test]
fn the_boot_loader_is_packed_with_all_that_it_needs() {
    let place = with_grub();
    pack(&place).good();
    let list = place.run(&["tar", "--list", "--gzip", "--file", FILE]).out;
    for path in TOOLS.iter().map(|tool| format!("stubs/{tool}")).chain(
        [
            "grub/i386-pc/boot.img",
            "grub/i386-pc/normal.mod",
            "grub/i386-pc/grub-bios-setup",
            "libs/libc.so.6",
            "libs/ld.so",
            "bin/sh",
        ]
        .map(str::to_string),
    ) {
        assert!(list.lines().any(|line| line == path), "{path}: {list}");
    }
    // a link would lead nowhere in another root
    let kinds = place.run(&["tar", "--list", "--verbose", "--gzip", "--file", FILE]).out;
    let shell = kinds.lines().find(|line| line.ends_with(" bin/sh")).unwrap_or_else(|| panic!("{kinds}"));
    assert!(shell.starts_with('-'), "{shell}");
    assert!(!place.there(&format!("{FILE}.replant")));
    pack(&place).good();
}

#[test]
fn half_a_boot_loader_is_not_packed() {
    for tool in TOOLS.iter().filter(|tool| **tool != "mount" && **tool != "udevadm" && **tool != "mdadm") {
        let place = with_grub();
        std::fs::remove_file(place.at(&format!("/stubs/{tool}"))).unwrap();
        // this machine may have one of its own
        place.write(
            "/pack",
            &place.read("/pack").unwrap().replace("command -v \"$tool\"", "ls \"/stubs/$tool\" 2>/dev/null"),
        );
        pack(&place).fails(1, &format!("there is no {tool} here"), &[]);
        assert!(!place.there(FILE), "{tool}");
    }
    let place = with_grub();
    std::fs::remove_file(place.at("/grub/i386-pc/boot.img")).unwrap();
    pack(&place).fails(1, "has no boot.img", &[]);
    assert!(!place.there(FILE));
    for (what, body) in [
        ("there is no room", "case \"$*\" in *--create*) cat >/dev/null; exit 2 ;; esac"),
        (
            "what was written is not an archive",
            "case \"$*\" in *--create*) cat >/dev/null; echo half >/run/replant/tools.tar.gz.replant ;; *) exec /usr/bin/tar \"$@\" ;; esac",
        ),
    ] {
        let place = with_grub();
        place.stub("tar", body);
        assert_eq!(pack(&place).code, 2, "{what}");
        assert!(!place.there(FILE), "{what}");
    }
    let place = with_grub();
    place.stub("sync", "exit 5");
    assert_eq!(pack(&place).code, 5);
    assert!(!place.there(FILE));
}

// ---- and installed by them ------------------------------------------------------------------------------------------------

const PACKED: &str = "replant-loader.tar.gz";

/// New in rescue: what old's tools leave on `/boot`, and two disks without a boot loader.
fn in_rescue() -> Place {
    let place = with_grub();
    pack(&place).good();
    place.stub("unshare", UNSHARE).stub("mount", MOUNT).stub("umount", UMOUNT);
    place.stub("chroot", "for last; do :; done\necho core >/fs/core; printf 'xxGRUBxx' >\"$last\"");
    std::fs::create_dir_all(place.at("/fs")).unwrap();
    std::fs::copy(place.at(FILE), place.at(&format!("/fs/{PACKED}"))).unwrap();
    place.write("/install", job("boot-loader")).write("/dev/a", "").write("/dev/b", "");
    place
}

fn install(place: &Place) -> Ran {
    place.run(&["sh", "/install", "/dev/boot", "/run/replant/tools", PACKED, "/dev/a", "/dev/b"])
}

fn tools_are_there(place: &Place) -> bool {
    place.there(&format!("/fs/{PACKED}"))
}

#[test]
fn each_disk_gets_a_boot_loader() {
    let place = in_rescue();
    let ran = install(&place);
    let chroots = ran.good().calls_of(&["chroot"]);
    let args = "chroot /run/replant/tools grub-install --target=i386-pc --recheck --no-floppy";
    assert_eq!(chroots, [format!("{args} /dev/a"), format!("{args} /dev/b")]);
    assert!(!tools_are_there(&place), "new's /boot has no room to spare");
    assert!(!place.there("/run/replant/tools"));
    let at = |call: &str| {
        ran.calls.iter().position(|one| one == call).unwrap_or_else(|| panic!("no {call}: {:?}", ran.calls))
    };
    assert!(at("blockdev --flushbufs /dev/boot") < at("mount /dev/boot /run/replant/tools/boot"));
    // what is looked at is on the disk
    for (disk, next) in [("/dev/a", at(&format!("{args} /dev/b"))), ("/dev/b", ran.calls.len())] {
        let flushed = at(&format!("blockdev --flushbufs {disk}"));
        assert!(at(&format!("{args} {disk}")) < flushed && flushed < next, "{:?}", ran.calls);
    }
}

/// One disk without it, and new does not boot when the other has failed: it is said.
#[test]
fn a_disk_that_gets_none_is_said() {
    for disk in ["/dev/a", "/dev/b"] {
        let worlds = [
            format!(
                "for last; do :; done\n[ $last != {disk} ] || {{ echo 'cannot find a device' >&2; exit 1; }}\nprintf GRUB >$last"
            ),
            format!("for last; do :; done\n[ $last = {disk} ] || printf GRUB >$last"),
            format!(
                "for last; do :; done\nif [ $last = {disk} ]; then printf '%512sGRUB' '' >$last; else printf GRUB >$last; fi"
            ),
        ];
        for (at, body) in worlds.iter().enumerate() {
            let place = in_rescue();
            place.stub("chroot", body);
            let why = if at == 0 {
                "cannot find a device".into()
            } else {
                format!("{disk} has no GRUB in its first sector")
            };
            install(&place).fails(1, &why, &[]);
            assert!(tools_are_there(&place), "it is done again, and needs them");
        }
        // it was in memory only
        let place = in_rescue();
        place.stub("blockdev", &format!("[ $2 != {disk} ] || echo nothing >{disk}"));
        install(&place).fails(1, &format!("{disk} has no GRUB"), &[]);
    }
}

/// The tools go last of all: where they are gone it was done, or they were never there.
#[test]
fn who_is_called_again_has_nothing_to_do_or_says_so() {
    let place = in_rescue();
    install(&place).good();
    place.write("/fs/grub/i386-pc/core.img", "core");
    assert_eq!(install(&place).good().calls_of(&["chroot"]), [""; 0]);
    for disk in ["/dev/a", "/dev/b"] {
        let was = place.read(disk).unwrap();
        place.write(disk, "");
        let _ = std::fs::remove_file(place.at("/run/replant/tools"));
        install(&place).fails(1, &format!("and {disk} no GRUB"), &["chroot"]);
        let _ = std::fs::remove_dir_all(place.at("/run/replant/tools"));
        place.write(disk, &was);
    }
    let place = in_rescue();
    std::fs::remove_file(place.at(&format!("/fs/{PACKED}"))).unwrap();
    place.write("/dev/a", "GRUB of before").write("/dev/b", "GRUB of before");
    install(&place).fails(1, "has neither replant-loader.tar.gz nor a boot loader", &["chroot"]);
}

#[test]
fn what_cannot_be_unpacked_or_mounted_is_a_failure() {
    for (tool, body) in [
        ("tar", "exit 2".to_string()),
        ("mount", "exit 32".into()),
        ("mount", format!("case \"$*\" in */dev/boot*) exit 32 ;; esac\n{MOUNT}")),
        ("mount", format!("case \"$*\" in *--bind*) exit 32 ;; esac\n{MOUNT}")),
        ("sync", "case \"$*\" in -f*) exit 5 ;; esac".into()),
    ] {
        let place = in_rescue();
        place.stub(tool, &body);
        assert_ne!(install(&place).code, 0, "{tool}: {body}");
    }
    let place = in_rescue();
    place.stub("unshare", "exit 1");
    install(&place).fails(1, "", &["mount", "chroot"]);
}
