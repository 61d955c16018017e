//! Rows about the first boot on other hardware: firmware, cloud-init, file systems that the rescue system does not know.

use serde_json::{Value, json};

use super::world::World;

fn told(row: Value) -> World {
    World::told(&row).unwrap()
}

fn ops(ops: Value) -> World {
    told(json!({ "ops": ops }))
}

// ---- firmware -----------------------------------------------------------------------------------------------------------

#[test]
fn a_driver_without_its_firmware_is_found() {
    let hit = World::of("firmware").finds("R1325", "`bnx2x`, the driver of new's network card eth0");
    assert!(hit.stops() && hit.help.contains("apt-get install firmware-bnx2x"), "{hit:?}");
    let with = |driver: &str, firmware: Value| {
        ops(json!([{ "set": "/new/interfaces/1/drivers", "to": [driver] }, { "push": "/old/modules", "to": driver },
            { "set": "/old/firmware", "to": firmware }]))
    };
    let lacks = json!({ "bnx2x": { "there": [], "lacks": ["bnx2x/bnx2x-e2-7.13.21.0.fw"] } });
    assert!(with("bnx2x", lacks).finds("R1325", "which old does not have: bnx2x/bnx2x-e2-7.13.21.0.fw").stops());
    let there =
        json!({ "bnx2x": { "there": ["bnx2x/bnx2x-e2-7.13.15.0.fw"], "lacks": ["bnx2x/bnx2x-e2-7.13.21.0.fw"] } });
    with("bnx2x", there).may_go();
    // loaded by the library below it
    let qed = json!({ "qed": { "there": [], "lacks": ["qed/qed_init_values_zipped-8.59.1.0.bin"] } });
    with("qede", qed).finds("R1325", "`qede`");
    // it works without, but not all cards do
    let realtek = json!({ "r8169": { "there": [], "lacks": ["rtl_nic/rtl8168d-1.fw", "rtl_nic/rtl8168d-2.fw"] } });
    let world = with("r8169", realtek);
    assert!(!world.finds("R1326", "may load firmware of which old has none: rtl_nic/rtl8168d-1.fw").stops());
    world.may_go();
    // of a disk's controller, too
    let disk = ops(json!([{ "set": "/old/firmware", "to": { "virtio_scsi": { "there": [], "lacks": ["x.bin"] } } }]));
    disk.finds("R1326", "new's disk `a`");
}

// ---- cloud-init ---------------------------------------------------------------------------------------------------------

#[test]
fn cloud_init_is_switched_off_on_new() {
    let world = World::of("cloud-init");
    world.finds("R1328", "cloud-init runs on old at each boot");
    world.may_go();
    let step = world.step("no-cloud-init");
    assert_eq!(step.on, replant::host::Side::New, "never on old");
    assert!(world.shown("no-cloud-init").contains("/root/etc/cloud/cloud-init.disabled"));
    // as newer versions call their units
    ops(json!([{ "push": "/old/services", "to": "cloud-init-main.service" }])).finds("R1328", "cloud-init");
    let off = |op: Value| {
        let world = ops(json!([{ "push": "/old/services", "to": "cloud-init.service" }, op]));
        assert!(world.runbook().nodes.iter().all(|node| node.id.0 != "no-cloud-init"));
        assert_eq!(world.of_code("R1328"), []);
    };
    off(json!({ "push": "/old/present", "to": "/etc/cloud/cloud-init.disabled" }));
    off(json!({ "set": "/old/files/~1proc~1cmdline", "to": "root=/dev/mapper/vg0-root ro cloud-init=disabled\n" }));
}

// ---- GRUB, initramfs ------------------------------------------------------------------------------------------------------

#[test]
fn a_menu_that_writes_is_noted() {
    let world = World::of("grub-recordfail");
    assert!(!world.finds("R1327", "GRUB pauses for 10 s").stops());
    world.may_go();
    let menu = |more: &str| ops(json!([{ "add": "/old/files/~1boot~1grub~1grub.cfg", "to": more }]));
    menu("menuentry 'a' {\n\tsavedefault\n}\n").finds("R1327", "pauses");
    // what every menu defines, and calls only when asked to
    assert_eq!(menu("function savedefault {\n  save_env saved_entry\n}\n").of_code("R1327"), []);
}

/// initramfs-tools-core beside dracut has the commands, and builds nothing.
#[test]
fn who_builds_the_initramfs_decides() {
    let tools = |row: Value| told(json!({ "ops": row })).of_code("R1306").len();
    let dracut = json!({ "push": "/old/tools", "to": "dracut" });
    let with = |packages: Value| json!([dracut, { "set": "/old/boot_packages", "to": packages }]);
    assert_eq!(tools(with(json!(["dracut", "grub-pc"]))), 1);
    assert_eq!(tools(json!([{ "set": "/old/boot_packages", "to": ["dracut"] }])), 1);
    // dracut-core has the command, too
    assert_eq!(tools(with(json!(["initramfs-tools", "grub-pc"]))), 0);
    assert_eq!(tools(json!([])), 0);
    let mut world = told(json!({ "ops": [dracut] }));
    world.facts.old.boot_packages.clear();
    assert_eq!(world.of_code("R1306"), []);
    world.facts.old.tools.remove("update-initramfs");
    world.finds("R1306", "dracut");
}

#[test]
fn an_initramfs_that_is_never_rebuilt_is_found() {
    let conf = "/old/files/~1etc~1initramfs-tools~1update-initramfs.conf";
    let with = |text: &str| ops(json!([{ "set": conf, "to": text }]));
    with("update_initramfs=no\n").finds("R1329", "update_initramfs=no");
    with("update_initramfs=yes\nupdate_initramfs=\"no\"\n").finds("R1329", "update_initramfs=no");
    for text in ["update_initramfs=yes\n", "# update_initramfs=no\n", "update_initramfs=all\n"] {
        assert_eq!(with(text).of_code("R1329"), [], "{text}");
    }
}

// ---- file systems -----------------------------------------------------------------------------------------------------------

#[test]
fn a_rescue_system_that_is_too_old_is_found() {
    let root = "/dev/mapper/vg0-root";
    let with = |device: &str, features: Value, tools: Value, kernel: &str| {
        ops(
            json!([{ "set": "/old/fs_features", "to": { device: features } }, { "set": "/new/fs_tools", "to": tools },
            { "set": "/new/kernel", "to": kernel },
            { "set": "/old/fs_tools", "to": { "e2fsck": "1.47.1", "xfs_repair": "6.13.0" } }]),
        )
    };
    let ext = |features: Value, tool: &str, kernel: &str| with(root, features, json!({ "e2fsck": tool }), kernel);
    let all = json!(["has_journal", "metadata_csum_seed", "orphan_file"]);
    let hit = ext(all.clone(), "1.46.2", "6.1.0-50-amd64")
        .finds("R1033", "of the ext4 vg0/root: `orphan_file` (e2fsck 1.46.2)");
    assert!(hit.stops());
    ext(all.clone(), "1.47.0", "6.1.0-50-amd64").may_go();
    ext(all.clone(), "1.47.0", "5.10.0-8-amd64").finds("R1033", "`orphan_file` (kernel 5.10.0-8-amd64)");
    ext(json!(["FEATURE_C14"]), "1.47.0", "6.1.0").finds("R1033", "`FEATURE_C14`");
    ext(json!(["has_journal", "a_new_one"]), "1.47.0", "6.1.0").may_go();
    let xfs = |features: Value, tool: &str, kernel: &str| {
        with("/dev/mapper/vg0-var", features, json!({ "xfs_repair": tool }), kernel)
    };
    xfs(json!(["reflink", "bigtime", "nrext64"]), "6.1.0", "6.1.0-50-amd64").may_go();
    xfs(json!(["bigtime", "nrext64"]), "5.10.0", "6.1.0")
        .finds("R1033", "of the xfs vg0/var: `nrext64` (xfs_repair 5.10.0)");
    xfs(json!(["exchange", "parent"]), "6.13.0", "6.1.0")
        .finds("R1033", "`exchange` (kernel 6.1.0), `parent` (kernel 6.1.0)");
    // the kernel mounts /boot, too, and what stays behind is no matter
    with("/dev/md0", json!(["orphan_file"]), json!({ "e2fsck": "1.46.2" }), "6.1.0").finds("R1033", "/boot");
    with("/dev/sdz1", json!(["orphan_file"]), json!({ "e2fsck": "1.46.2" }), "6.1.0").may_go();
    // it says nothing of itself: R1005 says what is missing
    with(root, all, json!({}), "6.1.0").may_go();
}

#[test]
fn a_kernel_that_cannot_mount_is_found() {
    let mut world = told(json!({}));
    world.facts.new.modules.remove("xfs");
    assert!(world.finds("R1034", "no module `xfs`, to mount vg0/var").stops());
}

#[test]
fn a_driver_that_is_kept_from_loading_is_found() {
    let file = "/old/files/~1etc~1modprobe.d~1local.conf";
    let with = |text: &str| ops(json!([{ "set": file, "to": text }]));
    for text in ["blacklist virtio_net\n", "install virtio-net /bin/false\n", "alias virtio_scsi off\n"] {
        assert!(with(text).finds("R1331", "/etc/modprobe.d/local.conf of old keeps").stops(), "{text}");
    }
    for text in ["# blacklist virtio_net\n", "blacklist nouveau\n", "options virtio_net csum=1\n"] {
        with(text).finds_nothing();
    }
    let line = "ro quiet module_blacklist=nouveau,virtio_net\n";
    let cmdline = ops(json!([{ "set": "/old/files/~1proc~1cmdline", "to": line }]));
    cmdline.finds("R1331", "/proc/cmdline of old keeps `virtio_net` from loading");
}
