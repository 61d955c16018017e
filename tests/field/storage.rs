//! Rows about disks, volumes, file systems and their names.

use replant::course;
use replant::facts::{FactsError, mdadm_conf};
use replant::host::Side;
use replant::plan::Loaded;
use replant::step::{How, StepKind};
use serde_json::{Value, json};

use super::world::World;

/// The lab with some operations on its facts.
#[track_caller]
fn with(ops: Value) -> World {
    World::told(&json!({ "ops": ops })).unwrap()
}

/// The lab with lines more in a file of old.
#[track_caller]
fn with_fstab(lines: &str) -> World {
    with(json!([{ "add": "/old/files/~1etc~1fstab", "to": format!("{lines}\n") }]))
}

/// The lab itself is such a row, with nothing changed.
#[test]
fn the_lab_may_go() {
    let world = World::told(&json!({})).unwrap();
    world.finds_nothing();
    assert!(world.shown("read-only-root").contains("\"target\":\"/\""));
}

// ---- nothing is cut under a live file system --------------------------------------------------------------------------

/// Mount points that the cutover makes read-only, and swaps that it switches off.
fn silenced(world: &World) -> (Vec<String>, Vec<String>) {
    let (mut read_only, mut off) = (Vec::new(), Vec::new());
    for node in world.runbook().nodes.into_iter().filter(|node| node.on == Side::Old) {
        match node.step {
            StepKind::Remount(step) => read_only.push(step.target),
            StepKind::SwapOff(step) => off.push(step.device),
            _ => {}
        }
    }
    // /boot is made so before it is copied, and looked at again when all is quiet
    read_only.dedup();
    (read_only, off)
}

#[test]
fn a_mounted_subvolume_is_refused_and_never_cut_live() {
    let world = World::of("btrfs-subvol");
    let finding = world.finds("R1240", "vg0/root moves and its btrfs subvolume /@ is mounted on /");
    assert!(finding.stops() && finding.absolute, "{finding:?}");
    // nor does the course write such a runbook for whoever does not ask the findings
    let Loaded { plan, digest, .. } = &world.plan;
    let refused = course::make(plan, digest, &world.facts).unwrap_err();
    assert!(refused.iter().all(|finding| finding.code == "R1240"), "{refused:#?}");
}

/// The same file system under other names: what is silenced does not depend on how findmnt(8) calls it.
#[test]
fn a_volume_falls_silent_under_every_name() {
    for source in ["/dev/dm-2", "/dev/vg0/var", "/dev/disk/by-uuid/aaaaaaaa-0000-4000-8000-000000000003", "/dev/root"]
    {
        let world = with(json!([{ "set": "/old/mounts/2/source", "to": source }]));
        world.may_go();
        assert_eq!(silenced(&world).0, ["/boot", "/var", "/"], "{source}");
        let mounted = world.shown("mount-var");
        assert!(mounted.contains("\"source\":\"/dev/mapper/vg0-var\""), "{mounted}");
        assert!(world.shown("still-quiet").contains("/var"));
        assert!(world.shown("grow-fs-vg0-var").contains("/var"), "{source}");
    }
}

#[test]
fn swap_is_switched_off_under_every_name() {
    for path in ["/dev/dm-1", "/dev/mapper/vg0-swap_1", "/dev/vg0/swap_1"] {
        let world = with(json!([{ "set": "/old/swaps/0/path", "to": path }]));
        assert_eq!(silenced(&world).1, ["/dev/mapper/vg0-swap_1"], "{path}");
    }
    // one that is copied, whatever for
    let world = World::told(&json!({ "plan_sub": [["swap_1, copy: recreate", "swap_1, copy: mirror"]] })).unwrap();
    assert_eq!(silenced(&world).1, ["/dev/mapper/vg0-swap_1"]);
    // a file on a volume, seen through a directory that is bound elsewhere
    let world = with(json!([
        { "push": "/old/mounts", "to": { "target": "/srv", "source": "/dev/mapper/vg0-var[/srv]", "fstype": "xfs",
          "options": ["rw"], "size": 1, "used": 1, "avail": 1u64 << 40, "uuid": null } },
        { "push": "/old/swaps", "to": { "path": "/srv/swap.img", "kind": "file", "size": 4096 } },
    ]));
    world.may_go();
    assert_eq!(silenced(&world).1, ["/dev/mapper/vg0-swap_1", "/srv/swap.img"]);
}

#[test]
fn what_no_step_silences_is_refused() {
    let mount = |source: &str, target: &str, fstype: &str| {
        json!({ "push": "/old/mounts", "to": { "target": target, "source": source, "fstype": fstype,
            "options": ["rw"], "size": 1, "used": 1, "avail": 1u64 << 40, "uuid": null } })
    };
    let above = |path: &str, kind: &str| {
        let mut block = serde_json::to_value(&World::told(&json!({})).unwrap().facts.old.blocks[9]).unwrap();
        block["path"] = path.into();
        block["kname"] = "dm-9".into();
        block["kind"] = kind.into();
        block["uuid"] = Value::Null;
        block["by_id"] = json!([]);
        block["mountpoints"] = json!([]);
        block["ancestors"] = json!(["/dev/mapper/vg0-var", "/dev/md1"]);
        json!({ "push": "/old/blocks", "to": block })
    };
    let cases: &[(Value, &str)] = &[
        // another subvolume of a file system that is mounted as a whole: one remount may not be enough
        (
            json!([{ "set": "/old/mounts/2/fstype", "to": "btrfs" }, mount("/dev/mapper/vg0-var[/@log]", "/log", "btrfs")]),
            "its btrfs subvolume /@log is mounted on /log",
        ),
        // something is mounted on top: the file system below cannot be remounted
        (json!([mount("/dev/sda2", "/var", "ext4")]), "vg0/var moves and is mounted on /var in a way"),
        // only findmnt(8) misses it
        (
            json!([{ "set": "/old/blocks/11/mountpoints", "to": ["/elsewhere"] }, { "set": "/old/mounts/2/source", "to": "/dev/sda2" },
                { "set": "/old/mounts/2/uuid", "to": null }]),
            "is mounted on /elsewhere",
        ),
        (
            json!([{ "set": "/old/blocks/11/fstype", "to": "zfs_member" }, { "set": "/old/blocks/11/mountpoints", "to": [] },
                { "set": "/old/mounts/2/source", "to": "tank/data" }, { "set": "/old/mounts/2/fstype", "to": "zfs" }]),
            "is in use as a zfs_member",
        ),
        (json!([above("/dev/mapper/secret", "crypt")]), "carries /dev/mapper/secret (crypt)"),
        (json!([above("/dev/mapper/guest-root", "lvm")]), "carries /dev/mapper/guest-root (lvm)"),
        (json!([above("/dev/mapper/vg0-var1", "part")]), "carries /dev/mapper/vg0-var1 (part)"),
        (json!([above("/dev/drbd0", "disk")]), "carries /dev/drbd0 (disk)"),
    ];
    for (ops, says) in cases {
        let world = with(ops.clone());
        world.finds("R1240", says);
        assert!(course::make(&world.plan.plan, &world.plan.digest, &world.facts).is_err(), "{says}");
    }
}

/// Something has a volume open, and nothing is stopped that it could be.
#[test]
fn an_open_volume_wants_something_to_be_stopped() {
    let raw = json!([{ "set": "/old/blocks/11/mountpoints", "to": [] }, { "set": "/old/mounts/2/source", "to": "/dev/sda2" },
        { "set": "/old/mounts/2/uuid", "to": null }]);
    let world = World::told(&json!({ "ops": raw, "plan_sub": [["stop: [rec.service]", "stop: []"]] })).unwrap();
    world.finds("R1240", "vg0/var moves and is open, and the plan stops nothing");
    let world = with(raw);
    assert_eq!(world.of_code("R1240"), []);
    world.finds("R1222", "vg0/var is in use");
}

/// A directory that is mounted a second time falls silent with its file system, and new's own fstab binds it again.
#[test]
fn a_bound_directory_is_no_second_file_system() {
    let world =
        with(json!([{ "push": "/old/mounts", "to": { "target": "/srv/www", "source": "/dev/mapper/vg0-var[/www]",
        "fstype": "xfs", "options": ["rw"], "size": 1, "used": 1, "avail": 1u64 << 40, "uuid": null } }]));
    world.may_go();
    assert_eq!(silenced(&world).0, ["/boot", "/var", "/"]);
    let book = world.runbook();
    assert!(book.nodes.iter().all(|node| !node.id.0.starts_with("mount-srv")));
}

#[test]
fn boot_that_is_no_device_is_refused() {
    let world = with(
        json!([{ "set": "/old/mounts/1/source", "to": "/dev/mapper/gone" }, { "set": "/old/mounts/1/uuid", "to": null },
        { "set": "/old/blocks/7/mountpoints", "to": [] }]),
    );
    world.finds("R1304", "/boot of old is on /dev/mapper/gone");
    assert!(course::make(&world.plan.plan, &world.plan.digest, &world.facts).is_err());
}

// ---- names that do not last ---------------------------------------------------------------------------------------------

#[test]
fn names_made_of_lvm_uuids_do_not_last() {
    let world = World::of("dmuuid-fstab");
    let root =
        world.finds("R1311", "dm-uuid-LVM-cjVgy80bORf0NKsbuT3WvtxYrL150gOmBD3gEQ40o7t4mdqOw9jqX5HUcXgSLLhi on /,");
    assert!(root.help.contains("`UUID=aaaaaaaa-0000-4000-8000-000000000002` instead in line 1"), "{root:?}");
    let var = world.finds("R1311", "gOmgo7Ltyx1O7rjIwdVnxGSsFTG5YdRJcsF on /var,");
    assert!(var.help.contains("`UUID=aaaaaaaa-0000-4000-8000-000000000003` instead in line 3"), "{var:?}");
    let swap = world.finds("R1308", "swaps on /dev/disk/by-id/dm-uuid-LVM-");
    assert!(swap.help.contains("`UUID=aaaaaaaa-0000-4000-8000-000000000004` instead in line 4"), "{swap:?}");
}

/// In whatever file, in whatever spelling.
#[test]
fn no_passing_name_is_missed() {
    const VAR: &str = "dm-uuid-LVM-cjVgy80bORf0NKsbuT3WvtxYrL150gOmgo7Ltyx1O7rjIwdVnxGSsFTG5YdRJcsF";
    let passing =
        [format!("/dev/disk/by-id/{VAR}"), format!("ID={VAR}"), format!("\"ID={VAR}\""), "/dev/dm-2".into()];
    for name in &passing {
        let bare = name.trim_matches('"');
        with_fstab(&format!("{name} /srv xfs defaults 0 2")).finds("R1311", bare);
        with_fstab(&format!("{name} /srv xfs defaults,nofail 0 2")).finds("R1308", bare);
        with(json!([{ "add": "/old/files/~1etc~1default~1grub", "to": format!("GRUB_CMDLINE_LINUX+=\" root={}\"\n", bare) }]))
            .finds("R1311", "/etc/default/grub");
        with(json!([{ "set": "/old/files/~1etc~1initramfs-tools~1conf.d~1hibernate", "to": format!(" export RESUME={name}\n") }]))
            .finds("R1308", "conf.d/hibernate");
        with(json!([{ "set": "/old/files/~1etc~1crypttab", "to": format!("c {} none luks\n", bare) }]))
            .finds("R1311", "/etc/crypttab");
    }
    // links that udev's rules make, and other disks that belong to a mount
    let link = |path: &str| json!({ "set": "/old/blocks/7/links", "to": [path] });
    let fstab = |line: &str| json!({ "add": "/old/files/~1etc~1fstab", "to": format!("{line}\n") });
    with(json!([link("/dev/disk/by-dname/md0"), fstab("/dev/disk/by-dname/md0 /boot2 ext4 defaults 0 2")]))
        .finds("R1311", "by-dname/md0 on /boot2");
    with_fstab("UUID=aaaaaaaa-0000-4000-8000-000000000003 /v xfs logdev=/dev/sda2 0 2")
        .finds("R1311", "/dev/sda2 on /v");
    // a swap that is made again has its UUID, but no label
    with(json!([{ "set": "/old/blocks/10/label", "to": "swap" }, fstab("LABEL=swap none swap sw 0 0")]))
        .finds("R1308", "swaps on LABEL=swap");
}

/// What lasts is left alone, however it is written.
#[test]
fn lasting_names_are_no_finding() {
    for name in [
        "/dev/vg0/var",
        "/dev/mapper/vg0-var",
        "/dev/disk/by-id/dm-name-vg0-var",
        "ID=dm-name-vg0-var",
        "\"UUID=AAAAAAAA-0000-4000-8000-000000000003\"",
        "UUID=\"aaaaaaaa-0000-4000-8000-000000000003\"",
    ] {
        with_fstab(&format!("{name} /srv xfs defaults 0 2")).finds_nothing();
    }
}

// ---- lines of fstab that hang on what stays -----------------------------------------------------------------------------

#[test]
fn what_is_below_a_mount_that_stays_is_told() {
    let world = World::of("fstab-zoo");
    let bind =
        world.finds("R1318", "mounts /data/www on /var/www, and /data/www is below /data, which does not move");
    assert!(bind.stops() && bind.help.contains("line 6 of /etc/fstab"), "{bind:?}");
    world.finds("R1318", "mounts /data/images/jail.img on /srv/jail");
    assert_eq!(world.of_code("R1318").len(), 2);
    // /data itself may be missing
    assert_eq!(world.of_code("R1311"), []);
    world.finds("R1308", "on /data, which is /dev/sdc1 and does not move");
}

/// The row's servers, with another line in fstab in place of its last two.
fn zoo(lines: &str) -> World {
    let mut row: Value =
        serde_json::from_str(&std::fs::read_to_string(super::world::place().join("fstab-zoo.json")).unwrap())
            .unwrap();
    let ops = row["ops"].as_array_mut().unwrap();
    ops.pop();
    let data = "UUID=dddddddd-0000-4000-8000-000000000009 /data ext4 defaults,nofail 0 2";
    ops.push(json!({ "add": "/old/files/~1etc~1fstab", "to": format!("{data}\n{lines}\n") }));
    World::told(&row).unwrap()
}

#[test]
fn every_way_to_hang_on_it_is_told() {
    for line in [
        "/data/www /var/www none bind 0 0",
        "/data/www /var/www none rw,rbind 0 0",
        "/data /export auto bind 0 0",
        "/data/j.img /srv/j ext4 loop,ro 0 0",
        "/data/j.iso /srv/j iso9660 ro 0 0",
        "overlay /m overlay lowerdir=/usr:/data/lower,upperdir=/var/u,workdir=/var/w 0 0",
        "overlay /m overlay lowerdir=/usr,upperdir=/data/u,workdir=/data/w 0 0",
        "/data/d1:/var/d2 /pool fuse.mergerfs defaults 0 0",
        "bindfs#/data/x /y fuse defaults 0 0",
        "tmpfs /cache tmpfs x-systemd.requires=/data 0 0",
        "tmpfs /cache tmpfs x-systemd.requires=data.mount 0 0",
        "tmpfs /cache tmpfs x-systemd.requires-mounts-for=/data/cache 0 0",
        // systemd mounts nothing below a mount that failed
        "tmpfs /data/tmp tmpfs defaults 0 0",
        "UUID=aaaaaaaa-0000-4000-8000-000000000003 /data/log xfs defaults 0 2",
    ] {
        let world = zoo(line);
        let all = world.of_code("R1318");
        assert!(matches!(all.as_slice(), [one] if one.stops() && one.help.contains("line 6 ")), "{line}: {all:#?}");
        // with these new boots without it
        for option in ["nofail", "noauto", "x-systemd.automount"] {
            let words: Vec<&str> = line.split(' ').collect();
            let options = format!("{},{option}", words[3]);
            let line = [&words[..3], &[options.as_str()], &words[4..]].concat().join(" ");
            let world = zoo(&line);
            assert_eq!((world.of_code("R1318").len(), world.of_code("R1319").len()), (0, 1), "{line}");
        }
    }
    // one hangs on the other
    let world =
        zoo("/data/www /var/www none bind 0 0\n/var/www/a /srv/a none bind 0 0\n/srv/a/swap none swap sw 0 0");
    assert_eq!(world.of_code("R1318").len(), 2);
    world.finds("R1319", "swaps on /srv/a/swap, and /srv/a/swap is below /srv/a");
}

#[test]
fn what_hangs_on_what_moves_is_no_finding() {
    for line in [
        "/var/www /srv/www none bind 0 0",
        "/var/j.img /srv/j ext4 loop 0 0",
        "overlay /m overlay lowerdir=/usr,upperdir=/var/u,workdir=/var/w 0 0",
        "tmpfs /cache tmpfs x-systemd.requires=/var,x-systemd.after=data.mount 0 0",
        "nas:/data /srv/nas nfs defaults 0 0",
        "//nas/data /srv/nas cifs defaults 0 0",
        "/var/swap none swap sw 0 0",
        "/database /srv/db none bind 0 0",
    ] {
        let world = zoo(line);
        assert_eq!((world.of_code("R1318"), world.of_code("R1319")), (vec![], vec![]), "{line}");
    }
}

// ---- LVM's filters ------------------------------------------------------------------------------------------------------

#[track_caller]
fn filtered(setting: &str, value: &str) -> World {
    with(json!([{ "set": format!("/old/lvm_config/devices~1{setting}"), "to": value }]))
}

#[test]
fn filters_are_evaluated_as_lvm_does() {
    let world = World::of("filter-rhel4");
    let hit = world
        .finds("R1228", "LVM on old would not look at new's disk for `vg0`, like /dev/sdc, /dev/disk/by-path/ip-");
    assert!(hit.stops() && hit.help.contains("\"a|^/dev/sd|\""), "{hit:?}");
    for filter in [
        // the delimiter may be anything
        r#"["r#/dev/sd[c-z]#"]"#,
        r#"["r(^/dev/sd[^ab])"]"#,
        r#"["a|^/dev/sd[ab][0-9]*$|", "a|^/dev/md|", "r|.*|"]"#,
        r#"["a|sda|", "a|sdb|", "a|/md|", "r|/dev/|"]"#,
        r#"["r|iscsi|", "a|md|", "r|/dev/|"]"#,
        r#"r|/dev/sd[c-z]|"#,
        // /boot's disk takes the next letter, and this one the letter after it
        r#"["a|^/dev/sdc$|", "a|^/dev/md|", "r|.*|"]"#,
    ] {
        for setting in ["filter", "global_filter"] {
            filtered(setting, filter).finds("R1228", "would not look at new's disk for `vg0`");
        }
    }
    for filter in [
        r#"["a|^/dev/disk/by-id/(scsi|md-uuid)|", "r|.*|"]"#,
        r#"["a|^/dev/disk/by-path/ip-.*-lun-1$|", "a|/md|", "r|.*|"]"#,
        r#"["r|^/dev/zd|", "r|^/dev/nbd|", "r|^/dev/sd[ab]$|"]"#,
        "a|.*/|",
    ] {
        assert_eq!(filtered("filter", filter).of_code("R1228"), [], "{filter}");
    }
    // old's own arrays only, by their UUIDs: the migrated system would not find its own
    let filter = r#"["a|^/dev/sd|", "a|md-uuid-11111111:22222222:33333333:44444402|", "r|.*|"]"#;
    filtered("filter", filter).finds("R1228", "would not look at what new has `vg0` on, like /dev/md1");
    // what LVM itself would refuse
    filtered("filter", r#"["x|y|"]"#).finds("R1228", "cannot be understood");
}

// ---- mdadm.conf ---------------------------------------------------------------------------------------------------------

/// What a step writes.
#[track_caller]
fn text_of(world: &World, id: &str) -> String {
    match world.step(id).step {
        StepKind::File(file) => file.text.0,
        other => panic!("{other:?}"),
    }
}

/// What mdadm.conf says of devices, and the UUIDs of its arrays.
fn said(conf: &str) -> (Vec<String>, Vec<String>) {
    let entries = mdadm_conf::entries(conf);
    let devices = entries.iter().filter(|entry| entry.keyword == "devices").flat_map(|entry| entry.words.clone());
    let arrays = entries.iter().filter(|entry| entry.keyword == "array");
    let arrays = arrays.map(|entry| entry.value("uuid").unwrap_or("vague").to_string());
    (devices.collect(), arrays.collect())
}

const OLD_ARRAYS: [&str; 2] = ["11111111:22222222:33333333:44444401", "11111111:22222222:33333333:44444402"];

#[test]
fn new_arrays_are_not_hidden_by_a_list_of_old_disks() {
    let world = World::of("mdadm-device");
    // in the initramfs of either server
    let both = text_of(&world, "know-arrays");
    let (devices, arrays) = said(&both);
    assert_eq!((devices.join(" "), arrays.len()), ("partitions containers".into(), 4), "{both}");
    assert!(arrays.starts_with(&OLD_ARRAYS.map(String::from)), "{both}");
    // and of new alone
    let new = text_of(&world, "mdadm-conf");
    let (devices, arrays) = said(&new);
    assert_eq!((devices.join(" "), arrays.len()), ("partitions containers".into(), 2), "{new}");
    assert!(!new.contains("44444401") && !new.contains("sda1") && new.contains("MAILADDR root"), "{new}");
}

#[test]
fn mdadm_conf_is_read_by_its_grammar() {
    for (conf, both) in [
        // an abbreviation, in small letters, with a comment inside
        (
            "dev /dev/sd[ab]*\nhomehost <system>\narr /dev/md0\n  # of old\n\tuuid=11111111:22222222:33333333:44444401\n",
            3,
        ),
        // an array by its members or its name might be one of new's as well: by its UUID instead
        ("DEVICE \"/dev/sda1\"\nARRAY /dev/md1 devices=/dev/sda2,/dev/sdb2\nARRAY /dev/md0 name=srv1:0\n", 4),
        ("ARRAY /dev/md1 super-minor=1\n", 4),
        ("DEVICE /dev/sda1\nDEVICE partitions\nARRAY <ignore> UUID=11111111:22222222:33333333:44444401\n", 3),
    ] {
        let world = with(json!([{ "set": "/old/files/~1etc~1mdadm~1mdadm.conf", "to": conf }]));
        let before = text_of(&world, "know-arrays");
        let (devices, arrays) = said(&before);
        let open = devices.is_empty() || devices.iter().any(|word| word == "partitions");
        assert!(open && arrays.len() == both && !arrays.contains(&"vague".into()), "{before}");
        let after = text_of(&world, "mdadm-conf");
        let (devices, arrays) = said(&after);
        let open = devices.is_empty() || devices.iter().any(|word| word == "partitions");
        assert!(open && arrays.len() == 2 && !after.contains("44444401"), "{after}");
        assert!(arrays.iter().all(|uuid| before.contains(uuid.as_str())), "{before}\n{after}");
    }
    for part in ["DEV /dev/sda1\n", "array /dev/md0\n name=srv1:0\n"] {
        with(json!([{ "set": "/old/files/~1etc~1mdadm~1mdadm.conf.d~1x.conf", "to": part }]))
            .finds("R1320", "x.conf of old has");
    }
    let part = "DEVICE partitions\nARRAY /dev/md0 UUID=11111111:22222222:33333333:44444401\n";
    with(json!([{ "set": "/old/files/~1etc~1mdadm~1mdadm.conf.d~1x.conf", "to": part }])).finds_nothing();
}

// ---- room for raid1 -----------------------------------------------------------------------------------------------------

/// How a volume is mirrored.
#[track_caller]
fn mirrored(world: &World, lv: &str) -> How {
    match world.step(&format!("mirror-vg0-{lv}")).step {
        StepKind::Mirror(mirror) => mirror.how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn raid1_needs_room_where_the_volume_is() {
    // the row's free extents are all where no volume is
    let row: Value =
        serde_json::from_str(&std::fs::read_to_string(super::world::place().join("pv-full.json")).unwrap()).unwrap();
    let and = |ops: &[Value], plan: Value| {
        let mut row = row.clone();
        row["ops"].as_array_mut().unwrap().extend(ops.iter().cloned());
        row["plan_sub"] = plan;
        World::told(&row).unwrap()
    };
    let world = World::of("pv-full");
    world.may_go();
    assert_eq!((mirrored(&world, "root"), mirrored(&world, "var")), (How::CoreLog, How::CoreLog));
    let world = and(&[], json!([["name: root }", "name: root, copy: raid1 }"]]));
    world.finds("R1210", "where vg0/root is (/dev/md1), and there is none");
    // one of them is on both, and has room
    let on_both = |at: usize| json!({ "set": format!("/old/lvs/{at}/devices"), "to": ["/dev/md1", "/dev/sdc"] });
    let world = and(&[on_both(2)], json!([["name: var,", "name: var, copy: raid1,"]]));
    assert_eq!((mirrored(&world, "root"), mirrored(&world, "var")), (How::CoreLog, How::Raid1));
    // all have
    let world = and(&[on_both(0), on_both(2)], json!([]));
    assert_eq!((mirrored(&world, "root"), mirrored(&world, "var")), (How::Raid1, How::Raid1));
    // one extent beside them: it is for the one that has no choice, whichever is asked first
    let one = json!({ "set": "/old/pvs/0/pe_alloc_count", "to": 701 });
    for on_both_at in [0, 2] {
        let world = and(&[one.clone(), on_both(on_both_at)], json!([]));
        assert_eq!((mirrored(&world, "root"), mirrored(&world, "var")), (How::Raid1, How::Raid1));
    }
    // and for one only
    let world = and(&[one], json!([]));
    assert_eq!((mirrored(&world, "root"), mirrored(&world, "var")), (How::CoreLog, How::CoreLog));
}

// ---- disks of new -------------------------------------------------------------------------------------------------------

#[test]
fn whatever_holds_a_disk_is_told() {
    let world = World::of("mpath-new");
    let hit = world.finds("R1116", "disk `a` (/dev/sda) is held on new: /dev/mapper/mpatha (mpath) stands on it");
    assert!(hit.stops() && hit.help.contains("multipath -f mpatha"), "{hit:?}");
    let above = |path: &str, kind: &str| {
        json!({ "push": "/new/blocks", "to": { "path": path, "kname": "x9", "kind": kind, "size": 4294967296u64, "serial": null,
            "wwn": null, "model": null, "tran": null, "fstype": null, "uuid": null, "partuuid": null, "pttype": null,
            "mountpoints": [], "log_sec": 512, "phy_sec": 512, "rotational": true, "removable": false, "read_only": false,
            "ancestors": ["/dev/sdb1", "/dev/sdb"], "by_id": [], "by_path": [], "drivers": [] } })
    };
    for (path, kind) in [
        ("/dev/mapper/isw_abc_vol0", "dmraid"),
        ("/dev/bcache0", "disk"),
        ("/dev/drbd0", "disk"),
        ("/dev/mapper/x", "dm"),
        ("/dev/mapper/y", "whatever"),
    ] {
        with(json!([above(path, kind)]))
            .finds("R1116", &format!("disk `b` (/dev/sdb) is held on new: {path} ({kind})"));
    }
    for (path, kind) in [("/dev/mapper/vg-x", "lvm"), ("/dev/mapper/c", "crypt")] {
        with(json!([above(path, kind)])).finds("R1105", path);
    }
    let member = |fstype: &str| with(json!([{ "set": "/new/blocks/2/fstype", "to": fstype }]));
    for fstype in ["zfs_member", "mpath_member", "isw_raid_member", "ddf_raid_member", "bcache", "strange_member"] {
        member(fstype).finds("R1116", &format!("/dev/sdb is a {fstype}"));
    }
    // replant wipes these by itself, where the plan says so
    for fstype in ["LVM2_member", "linux_raid_member", "ext4"] {
        assert_eq!(member(fstype).of_code("R1116"), [], "{fstype}");
    }
    assert_eq!(with(json!([above("/dev/sdb1", "part")])).of_code("R1116"), []);
    with(json!([{ "push": "/new/swaps", "to": { "path": "/dev/sdb", "kind": "partition", "size": 1 } }]))
        .finds("R1116", "/dev/sdb is swapped to");
}

#[test]
fn two_disks_with_one_identity_are_refused() {
    let same = "0x5000c50000000000";
    let world = with(json!([{ "set": "/new/blocks/2/wwn", "to": same }]));
    assert_eq!(world.of_code("R1117").len(), 2);
    let hit = world
        .finds("R1117", "disk `a` tells the same WWN of itself as another: 0x5000c50000000000 is /dev/sda, /dev/sdb");
    assert!(hit.stops(), "{hit:?}");
    // whoever waives it still gets the disk that the plan names, by no link that both could have
    let table = world.shown("table-a");
    assert!(table.contains("by-path/pci-0000:00:06.0-scsi-0:0:0:0\"") && !table.contains(&same[2..]), "{table}");
    assert!(with(json!([])).shown("table-a").contains("wwn-0x5000c50000000000"));
    // also where the plan names only one of the two
    with(json!([{ "set": "/new/blocks/5/wwn", "to": same }])).finds("R1117", "/dev/sda, /dev/vda");
    // disks of one controller: the same serial number, and each its WWN
    let world =
        with(json!([{ "set": "/new/blocks/5/serial", "to": "NEW0" }, { "set": "/new/blocks/5/wwn", "to": "0x1" }]));
    world.finds("R1118", "disks of new tell the same serial number: /dev/sda, /dev/vda are NEW0");
    let world =
        with(json!([{ "set": "/new/blocks/5/serial", "to": "NEW0" }, { "set": "/new/blocks/1/wwn", "to": null }]));
    world.finds("R1117", "disk `a` tells the same serial number");
    with(json!([{ "set": "/old/blocks/2/serial", "to": "OLD1" }]))
        .finds("R1118", "disks of old tell the same serial number");
}

// ---- tools that cannot do it --------------------------------------------------------------------------------------------

#[test]
fn tools_that_are_too_old_are_one_error() {
    let Err(error) = World::try_of("old-lsblk") else { panic!("it was read") };
    let said = error.to_string();
    assert!(said.contains("the system's tools are too old: `lsblk`") && said.contains("unknown column"), "{said}");
    // all at once, on either server, and of which system
    let failed = |err: &str| json!({ "out": "", "code": 1, "err": err });
    let row = json!({ "new": {
        "mounts": failed("findmnt: unrecognized option '--real'\n"),
        "lvs": failed("  Unrecognised field: raid_sync_action\n"),
        "interfaces": failed("Option \"-j\" is unknown, try \"ip -help\".\n"),
    } });
    let Err(FactsError::TooOld { system, commands, .. }) = World::told(&row) else { panic!("it was read") };
    assert!(system.starts_with("Debian"), "{system}");
    assert_eq!(commands.len(), 3, "{commands:?}");
    // what fails in another way is told as it is
    let row = json!({ "old": { "lsblk": failed("lsblk: failed to access sysfs directory\n") } });
    assert!(matches!(World::told(&row), Err(FactsError::Failed { .. })));
}
