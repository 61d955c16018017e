//! The initramfs in which new waits: how it is made on old, without a change to anything that old boots with; what it does on
//! whichever machine boots with it; how new is let go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use replant::course;
use replant::facts;
use replant::host::Act;
use replant::plan::{self, Method, NewBoot};
use replant::runbook::Node;
use replant::sim::Sim;
use replant::step::StepKind;

use crate::place::{Place, Ran};

/// The lab's runbook, with new in its own initramfs.
pub fn nodes() -> &'static [Node] {
    static NODES: LazyLock<Vec<Node>> = LazyLock::new(|| {
        let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
        (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
        let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
        course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
    });
    &NODES
}

/// The step that makes the image.
fn image() -> (&'static StepKind, &'static replant::step::HoldImage) {
    let image = |node: &'static Node| match &node.step {
        StepKind::HoldImage(image) => Some((&node.step, image)),
        _ => None,
    };
    nodes().iter().find_map(image).expect("an image is made")
}

// ---- how it is made ------------------------------------------------------------------------------------------------------

/// Beside what is in it by itself.
const ALWAYS: [&str; 21] = [
    "usr/sbin/sshd",
    "usr/bin/ip",
    "usr/bin/flock",
    "usr/bin/mountpoint",
    "usr/bin/sha256sum",
    "usr/sbin/blockdev",
    "usr/bin/lsblk",
    "usr/sbin/sfdisk",
    "usr/sbin/wipefs",
    "usr/bin/mkfifo",
    "usr/sbin/mdadm",
    "usr/sbin/lvm",
    "usr/bin/udevadm",
    "usr/bin/busybox",
    "etc/mdadm/mdadm.conf",
    "etc/lvm/lvm.conf",
    "etc/replant/host_key",
    "etc/replant/authorized_keys",
    "etc/replant/sshd_config",
    "scripts/local-top/replant",
    "usr/lib/modules/6.1/kernel/drivers/target/target_core_iblock.ko.xz",
];
const MODULES: [&str; 1] = ["usr/lib/modules/6.1/kernel/drivers/target/iscsi/iscsi_target_mod.ko"];

/// What mkinitramfs(8) puts in without being asked, and what is only like what must be there.
const LIKE: &str =
    "usr/bin/ipconfig\nusr/bin/busybox.conf\nusr/sbin/lvmdump\nusr/sbin/mdadm.static\netc/lvm/lvm.conf.d\n";

/// What the image of this migration must have.
fn all_of_it() -> Vec<String> {
    let mut all: Vec<String> = ALWAYS.iter().chain(&MODULES).map(|path| path.to_string()).collect();
    all.extend(image().1.must_have.iter().map(|must| format!("usr/lib/modules{must}.zst")));
    for (name, place) in [
        ("network.link", "usr/lib/systemd/network/00-replant.link"),
        ("network.rules", "usr/lib/udev/rules.d/76-replant.rules"),
    ] {
        all.extend(image().1.files.contains_key(name).then(|| place.to_string()));
    }
    all
}

/// Old, with a configuration of its own. An image of these paths is made there.
fn old(paths: &[String]) -> Place {
    let place = Place::new();
    place.stub("unshare", "[ \"$1\" = --mount ] || exit 1; shift; PRIVATE=yes exec \"$@\"");
    place.stub("mount", "[ \"${PRIVATE-}\" = yes ] || { echo 'everybody would see it' >&2; exit 32; }");
    place.stub("mkinitramfs", "echo \"$TMPDIR\" >/tmpdir; cp -a \"$2\" /seen; cat /paths >\"$4\"");
    place.stub("lsinitramfs", "cat \"$1\"");
    place.write("/paths", &format!("{LIKE}{}\n", paths.join("\n")));
    for (path, text) in [
        ("/etc/initramfs-tools/initramfs.conf", "MODULES=dep\n"),
        ("/etc/initramfs-tools/modules", "their_module"),
        ("/etc/initramfs-tools/hooks/theirs", "#!/bin/sh\n"),
        ("/etc/resume", "RESUME=/dev/vg0/swap\n"),
        ("/boot/initrd.img-6.1", "old's own"),
        (&format!("/modules/{}/modules.builtin", image().1.kernel), "kernel/drivers/md/dm-mod.ko\n"),
    ] {
        place.write(path, text);
    }
    std::fs::create_dir_all(place.at("/etc/initramfs-tools/conf.d")).unwrap();
    // a path of here leads nowhere from a copy elsewhere
    std::os::unix::fs::symlink("../../resume", place.at("/etc/initramfs-tools/conf.d/resume")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.at("/etc/initramfs-tools/dangling")).unwrap();
    place
}

/// Where kernels keep their modules is part of /usr, which is this machine's: the script is told of another place.
fn acts() -> Vec<Act> {
    let elsewhere = |act| match act {
        Act::Put { path, text, mode } => {
            Act::Put { path, text: replant::host::Text::new(text.0.replace("/lib/modules/", "/modules/")), mode }
        }
        act => act,
    };
    image().0.as_step().apply().into_iter().map(elsewhere).collect()
}

fn build(place: &Place) -> Ran {
    place.acts(&acts())
}

/// All below a directory: paths, what kind, what is in it.
fn tree(place: &Place, dir: &str) -> BTreeMap<String, String> {
    fn walk(dir: &Path, all: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let (kind, name) = (entry.file_type().unwrap(), path.display().to_string());
            if kind.is_dir() {
                all.insert(name, "directory".into());
                walk(&path, all);
            } else if kind.is_symlink() {
                all.insert(name, std::fs::read_link(&path).unwrap().display().to_string());
            } else {
                all.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(Path::new(&place.at(dir)), &mut all);
    all
}

/// What old boots with.
fn own_boot(place: &Place) -> BTreeMap<String, String> {
    let mut all = tree(place, "/etc");
    all.extend(tree(place, "/boot"));
    all
}

fn is_no_image(place: &Place, what: &str) {
    let file = &image().1.file;
    assert!(!place.there(file), "{what}: it is put onto new's /boot");
    assert!(!place.there(&format!("{file}.made")), "{what}: it counts as made");
}

/// The hold's private key goes where nobody but root looks, and nowhere for good.
fn nothing_lies_about(place: &Place, what: &str) {
    assert!(!place.there(&image().1.work), "{what}: {:?}", tree(place, "/var/tmp").keys());
}

#[test]
fn an_image_is_made_and_old_boots_as_before() {
    let place = old(&all_of_it());
    let before = own_boot(&place);
    let ran = build(&place);
    ran.good();
    assert_eq!(own_boot(&place), before);
    let image = image().1;
    assert_eq!(place.read(&image.file), place.read("/paths"));
    assert!(place.there(&format!("{}.made", image.file)));
    nothing_lies_about(&place, "made");
    assert!(!place.there(&format!("{}/host_key", image.from)), "the key");
    // what mkinitramfs(8) was given
    let seen = |path: &str| place.read(&format!("/seen/{path}"));
    assert_eq!(seen("initramfs.conf").as_deref(), Some("MODULES=dep\n"));
    assert_eq!(seen("conf.d/resume").as_deref(), Some("RESUME=/dev/vg0/swap\n"), "what was a link");
    assert_eq!(seen("conf.d/zz-replant").as_deref(), Some("UMASK=0077\nRESUME=none\nIP=off\nCOMPRESSLEVEL=3\n"));
    assert_eq!(seen("modules").unwrap(), format!("their_module\n{}", image.files["modules"].0));
    assert_eq!(seen("hooks/theirs").as_deref(), Some("#!/bin/sh\n"));
    for (name, path) in [
        ("hook.sh", "hooks/zz-replant"),
        ("local-top.sh", "scripts/local-top/replant"),
        ("sshd_config", "replant/sshd_config"),
        ("arrays.conf", "replant/mdadm.conf"),
        ("lvm.conf", "replant/lvm.conf"),
        ("network.link", "replant/network.link"),
        ("network.rules", "replant/network.rules"),
        ("host_key", "replant/host_key"),
        ("authorized_keys", "replant/authorized_keys"),
    ] {
        assert_eq!(seen(path), image.files.get(name).map(|text| text.0.clone()), "{name}");
    }
    for path in ["hooks/zz-replant", "scripts/local-top/replant"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.at(&format!("/seen/{path}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{path} would be passed over without a word");
    }
    let tmp = place.read("/tmpdir").unwrap();
    assert!(tmp.starts_with(&image.work), "it is built on a disk, and not in {tmp}");
    // hooks run where files can be executed
    let mounts = ran.calls_of(&["mount"]);
    assert!(mounts.len() == 2 && mounts[1].starts_with("mount -o remount,bind,exec /var/tmp/"), "{mounts:?}");
}

/// New would boot with it, and could not be reached, or not see its disks, or not offer them.
#[test]
fn one_that_lacks_something_is_not_made() {
    let all = all_of_it();
    // what is built into the kernel has a test of its own
    for (at, lacking) in all.iter().enumerate().filter(|(_, path)| !path.contains("dm_mod")) {
        let mut paths = all.clone();
        paths.remove(at);
        let place = old(&paths);
        let before = own_boot(&place);
        build(&place).fails(1, "the initramfs for the new server lacks:", &["sync"]);
        is_no_image(&place, lacking);
        assert_eq!(own_boot(&place), before, "{lacking}");
        nothing_lies_about(&place, lacking);
    }
}

#[test]
fn what_is_built_into_the_kernel_need_not_be_in_the_image() {
    let builtin = |place: &Place, text: &str| {
        place.write(&format!("/modules/{}/modules.builtin", image().1.kernel), text);
    };
    let mut paths = all_of_it();
    paths.retain(|path| !path.contains("dm_mod"));
    let place = old(&paths);
    builtin(&place, "kernel/drivers/other.ko\nkernel/drivers/md/dm-mod.kore\n");
    build(&place).fails(1, "lacks: /dm_mod.ko", &[]);
    let place = old(&paths);
    build(&place).good();
    // by either name
    let place = old(&paths);
    builtin(&place, "kernel/drivers/md/dm_mod.ko\n");
    build(&place).good();
    // an image that is empty, or cannot be read, has nothing
    let place = old(&all_of_it());
    place.stub("lsinitramfs", "exit 1");
    build(&place).fails(1, "lacks: sbin/sshd", &[]);
    is_no_image(&place, "it cannot be read");
}

/// And whoever is called again makes it whole.
#[test]
fn one_that_cannot_be_made_is_not_put_in_place() {
    let worlds: [(&str, &str, i32); 5] = [
        ("mkinitramfs", "echo 'No space left on device' >&2; exit 1", 1),
        ("mount", "exit 32", 32),
        ("sync", "exit 5", 5),
        ("cp", "case \"$*\" in *.img.replant) echo half >\"$2\"; exit 7 ;; *) exec /usr/bin/cp \"$@\" ;; esac", 7),
        ("mv", "case \"$*\" in *.img.replant*) exit 8 ;; *) exec /usr/bin/mv \"$@\" ;; esac", 8),
    ];
    for (tool, body, code) in worlds {
        let place = old(&all_of_it());
        let before = own_boot(&place);
        place.stub(tool, body);
        assert_eq!(build(&place).code, code, "{tool}");
        is_no_image(&place, tool);
        assert_eq!(own_boot(&place), before, "{tool}");
        nothing_lies_about(&place, tool);
        place.undo(image().0).good();
        assert_eq!(
            tree(&place, "/run/replant").into_values().filter(|text| text.contains("half")).count(),
            0,
            "{tool}"
        );
    }
}

/// A run that was killed left its directory, with a key in it, and half an image.
#[test]
fn what_an_interrupted_run_left_is_in_nobodys_way() {
    let left = || {
        let place = old(&all_of_it());
        let image = image().1;
        place.write(&format!("{}/abcdef/conf/replant/host_key", image.work), "key");
        place.write(&format!("{}/abcdef/conf/hooks/stale", image.work), "x");
        place.write(&format!("{}.replant", image.file), "half");
        place
    };
    let place = left();
    build(&place).good();
    assert_eq!(place.read(&image().1.file), place.read("/paths"));
    assert!(!place.there("/seen/hooks/stale"));
    nothing_lies_about(&place, "again");
    let place = left();
    place.undo(image().0).good();
    nothing_lies_about(&place, "taken back");
    assert!(!place.there(&format!("{}.replant", image().1.file)));
}

// ---- what is put into it -------------------------------------------------------------------------------------------------

/// What the hold's own hook does in an image; tools and libraries are not this machine's.
fn hooked(change: impl Fn(&Place), text: impl Fn(String) -> String) -> (Place, Ran) {
    let place = Place::new();
    let hook = image().1.files["hook.sh"].0.clone();
    let tools = hook.split_once("tools=\"").unwrap().1.split_once('"').unwrap().0.to_string();
    for tool in tools.split_whitespace().chain(["sshd", "sshd-session"]) {
        place.write(&format!("/tools/{tool}"), &format!("the real {tool}"));
        place.mode(&format!("/tools/{tool}"), 0o755);
    }
    place.write(
        "/functions",
        "copy_exec() { echo \"copy_exec $1\" >>/calls; mkdir -p \"$DESTDIR${1%/*}\"; cp \"$1\" \"$DESTDIR$1\"; }\n\
        manual_add_modules() { echo \"module $1\" >>/calls; }\n",
    );
    place.stub(
        "ldd",
        "printf '/tools/x:\\n\\tlinux-vdso.so.1 (0x0)\\n\\tlibc.so.6 => /libs/libc.so.6 (0x0)\\n'; exit 1",
    );
    place.write("/libs/libc.so.6", "libc");
    for name in
        ["mdadm.conf", "lvm.conf", "network.link", "network.rules", "sshd_config", "host_key", "authorized_keys"]
    {
        place.write(&format!("/conf/replant/{name}"), &format!("ours: {name}"));
    }
    for (path, text) in [
        ("/dest/usr/bin/blkid", "busybox"),
        ("/dest/bin/cat", "busybox"),
        ("/dest/usr/sbin/ip", "busybox"),
        ("/dest/sbin/lvm", "lvm"),
        ("/dest/tools/.", ""),
        ("/dest/etc/mdadm.conf", "old's"),
        ("/dest/etc/mdadm/mdadm.conf.d/more", "old's"),
        ("/dest/etc/lvm/lvmlocal.conf", "old's"),
        (
            "/dest/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nsshd:x:1:1::/:/bin/false\n_apt:x:42:1::/:/bin/false\n",
        ),
        ("/dest/etc/group", "root:x:0:\n"),
    ] {
        match path.strip_suffix("/.") {
            Some(dir) => std::fs::create_dir_all(place.at(dir)).unwrap(),
            None => drop(place.write(path, text).there(path)),
        }
    }
    change(&place);
    let hook = hook
        .replace("/usr/share/initramfs-tools/hook-functions", "/functions")
        .replace("PATH=/usr/bin:/usr/sbin:/bin:/sbin command", "PATH=/tools command")
        .replace("/usr/sbin/sshd /usr/lib/openssh/sshd-session", "/tools/sshd /tools/sshd-session");
    place.write("/hook", &text(hook));
    let ran = place.run(&["env", "DESTDIR=/dest", "CONFDIR=/conf", "sh", "/hook"]);
    (place, ran)
}

#[test]
fn the_image_gets_what_the_hold_needs() {
    let (place, ran) = hooked(|_| (), |text| text);
    ran.good();
    let dest = |path: &str| place.read(&format!("/dest/{path}"));
    for tool in ["ip", "sfdisk", "blockdev", "flock", "sshd", "sshd-session", "wipefs"] {
        assert_eq!(dest(&format!("tools/{tool}")), Some(format!("the real {tool}")));
    }
    // busybox's of the same name would be found first
    for taken in ["usr/bin/blkid", "bin/cat", "usr/sbin/ip"] {
        assert_eq!(dest(taken), None, "{taken}");
    }
    for name in ["lvs", "vgs", "pvs", "vgchange", "lvchange"] {
        let link = std::fs::read_link(place.at(&format!("/dest/sbin/{name}"))).unwrap();
        assert_eq!(link.to_str(), Some("lvm"));
    }
    assert_eq!(dest("libs/libc.so.6").as_deref(), Some("libc"));
    let modules = ran.calls_of(&["module"]);
    for module in ["configfs", "target_core_mod", "target_core_iblock", "iscsi_target_mod"] {
        assert!(modules.contains(&&*format!("module {module}")), "{module}: {modules:?}");
    }
    // nothing of old's arrays and groups is known there, and what is exported is not looked at
    assert_eq!(dest("etc/mdadm/mdadm.conf").as_deref(), Some("ours: mdadm.conf"));
    assert_eq!(dest("etc/lvm/lvm.conf").as_deref(), Some("ours: lvm.conf"));
    for theirs in ["etc/mdadm.conf", "etc/mdadm/mdadm.conf.d", "etc/lvm/lvmlocal.conf"] {
        assert!(!place.there(&format!("/dest/{theirs}")), "{theirs}");
    }
    assert_eq!(dest("etc/systemd/network/00-replant.link").as_deref(), Some("ours: network.link"));
    assert_eq!(dest("etc/udev/rules.d/76-replant.rules").as_deref(), Some("ours: network.rules"));
    for name in ["sshd_config", "host_key", "authorized_keys"] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(dest(&format!("etc/replant/{name}")), Some(format!("ours: {name}")));
        let mode = std::fs::metadata(place.at(&format!("/dest/etc/replant/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}: sshd(8) takes no key that others can read");
    }
    let users =
        "_apt:x:42:1::/:/bin/false\nroot:*:0:0:root:/:/bin/sh\nsshd:*:100:65534::/run/sshd:/usr/sbin/nologin\n";
    assert_eq!(dest("etc/passwd").as_deref(), Some(users));
    assert_eq!(dest("etc/group").as_deref(), Some("root:x:0:\nnogroup:x:65534:\n"));
    assert_eq!(dest("etc/nsswitch.conf").as_deref(), Some("passwd: files\ngroup: files\nshadow: files\n"));
}

#[test]
fn a_tool_that_is_not_there_is_said() {
    let (_, ran) = hooked(|_| (), |text| text.replace("tools=\"awk", "tools=\"nosuch awk"));
    ran.fails(1, "there is no nosuch here", &["module"]);
}

/// By the name of the card and by nothing else is it known which is to have the address.
#[test]
fn a_card_is_named_by_a_rule_or_by_a_link() {
    for name in ["network.link", "network.rules"] {
        let (place, ran) =
            hooked(|place| std::fs::remove_file(place.at(&format!("/conf/replant/{name}"))).unwrap(), |text| text);
        ran.good();
        let there = [
            place.there("/dest/etc/systemd/network/00-replant.link"),
            place.there("/dest/etc/udev/rules.d/76-replant.rules"),
        ];
        assert_eq!(there, [name != "network.link", name != "network.rules"]);
    }
}

// ---- how it is let go on -------------------------------------------------------------------------------------------------

/// In the hold, with two groups of two volumes each. Somebody reads from the pipe.
fn in_hold() -> Place {
    let place = Place::new();
    place.stub(
        "lvm",
        "for last; do :; done\ncase $1 in lvs) echo \"  /dev/$last/root\"; echo \"  /dev/$last/var\" ;; pvs) echo \"  /dev/md-${last#*=}\" ;; esac",
    );
    std::fs::create_dir_all(place.at("/run/replant")).unwrap();
    std::fs::create_dir_all(place.at("/sys/kernel/config/target/iscsi")).unwrap();
    // whoever reads the pipe keeps it open: nothing that is written is lost, and nobody waits
    place.write(
        "/reads",
        "[ -e /run/replant/go ] || [ -e /nobody ] || mkfifo /run/replant/go\n[ ! -p /run/replant/go ] || exec 3<>/run/replant/go\n\
         sh /go replant_go vg0 vg1; code=$?\n\
         if [ -p /run/replant/go ]; then dd bs=16 count=1 iflag=nonblock <&3 >/heard 2>/dev/null; fi\nexit $code\n",
    );
    let script = nodes().iter().flat_map(|node| node.step.as_step().apply()).find_map(|act| match act {
        Act::Run { argv, .. } if argv.iter().any(|word| word == "hold-go.sh") => Some(argv[2].clone()),
        _ => None,
    });
    place.write("/go", &script.expect("new is let go on"));
    place
}

fn heard(place: &Place) -> String {
    place.read("/heard").unwrap_or_default()
}

#[test]
fn new_goes_on_when_all_is_on_its_disks() {
    let place = in_hold();
    let ran = place.run(&["sh", "/reads"]);
    assert_eq!(heard(&place), "go\n");
    let calls = ran.good().calls_of(&["sync", "blockdev", "lvm"]);
    let at = |call: &str| calls.iter().position(|one| *one == call).unwrap_or_else(|| panic!("no {call}: {calls:?}"));
    let tagged = at("lvm vgchange --quiet --addtag replant_go vg0");
    for volume in ["/dev/vg0/root", "/dev/vg0/var", "/dev/vg1/root", "/dev/vg1/var"] {
        let (synced, flushed) = (at(&format!("sync {volume}")), at(&format!("blockdev --flushbufs {volume}")));
        assert!(synced < flushed && flushed < tagged, "from the first tag on it boots: {calls:?}");
    }
    let second = at("lvm vgchange --quiet --addtag replant_go vg1");
    assert!(tagged < at("sync /dev/md-vg0") && second < at("sync /dev/md-vg1"), "a tag is on the disk: {calls:?}");
    assert!(calls.iter().any(|call| call.contains("lvs") && call.contains("lv_active=active")), "{calls:?}");
}

#[test]
fn new_stays_where_it_is_when_something_fails() {
    let failing = |what: &str| {
        format!(
            "for last; do :; done\ncase \"$*\" in {what}) exit 5 ;; esac\ncase $1 in lvs) echo \"  /dev/$last/root\" ;; pvs) echo \"  /dev/md-$last\" ;; esac"
        )
    };
    let tags = ["lvm vgchange"];
    let worlds: [(&str, String, &[&str]); 7] = [
        // what nobody lists is not written to the disks
        ("lvm", failing("lvs*vg0"), &tags),
        ("lvm", failing("lvs*vg1"), &tags),
        ("sync", "case $1 in /dev/vg1/*) exit 5 ;; esac".into(), &tags),
        ("blockdev", "exit 5".into(), &tags),
        ("lvm", failing("vgchange*vg1"), &["nothing"]),
        ("lvm", failing("pvs*"), &["nothing"]),
        ("sync", "case $1 in /dev/md-*) exit 5 ;; esac".into(), &["nothing"]),
    ];
    for (tool, body, not) in worlds {
        let place = in_hold();
        place.stub(tool, &body);
        let ran = place.run(&["sh", "/reads"]);
        ran.fails(5, "", not);
        assert_eq!(heard(&place), "", "{tool}: {body}");
    }
}

/// Old could write to what new has mounted.
#[test]
fn what_is_still_exported_is_not_let_go() {
    let place = in_hold();
    place.write("/sys/kernel/config/target/iscsi/iqn.2026-11.net.replant:srv1.md1/tpgt_1", "");
    let ran = place.run(&["sh", "/reads"]);
    ran.fails(1, "iqn.2026-11.net.replant:srv1.md1 is still exported", &["sync", "lvm"]);
    assert_eq!(heard(&place), "");
    // what else is in configfs is no target
    let place = in_hold();
    place.write("/sys/kernel/config/target/iscsi/lio_version", "");
    place.run(&["sh", "/reads"]).good();
}

#[test]
fn where_nobody_holds_nothing_is_let_go() {
    let place = in_hold();
    place.write("/nobody", "");
    place.run(&["sh", "/reads"]).fails(1, "nobody holds here", &["sync", "lvm"]);
    // a file in its place is not somebody who waits
    place.write("/run/replant/go", "");
    place.run(&["sh", "/reads"]).fails(1, "nobody holds here", &["sync", "lvm"]);
}

/// The answer was lost, and replant asks again: the tags are there, and the boot has gone on.
#[test]
fn one_that_has_gone_on_is_let_go_again() {
    let place = in_hold();
    place.write("/nobody", "").write("/run/replant/went", "");
    let ran = place.run(&["sh", "/reads"]);
    assert_eq!(ran.good().calls.iter().filter(|call| call.contains("--addtag")).count(), 2);
    assert!(!place.there("/run/replant/go"), "nobody would ever read it");
}
