//! What is done to the mirrors and groups of a server that serves.

use crate::place::{Place, step};

const UUID: &str = "ZtxKO0-0ma5-u8kU-8nm4-G3ff-yUxU-Q7f9BU";
const OLD: &str = "5uL0W2-mtZd-FqAh-33dk-XFZf-t09Q-BcOsVT";
/// Where old remembers when a copy began.
const SINCE: &str = "/run/replant/srv1/copies/root";
const CHANGES: &[&str] = &["lvconvert", "lvchange", "vgreduce", "vgextend", "vgck"];

fn mirror(how: &str) -> replant::step::StepKind {
    step(&format!(
        r#"{{ "mirror": {{ "vg": "vg0", "lv": "root", "how": "{how}", "device": "/dev/new", "pv_uuid": "{UUID}", "size": 1, "region": 2, "since": "{SINCE}" }} }}"#
    ))
}

/// lvs(8) says that the volume is of this type.
fn of_type(segtype: &str) -> Place {
    let place = Place::new();
    place.stub("lvs", &format!("echo '  {segtype}'"));
    place.write("/dev/kmsg", "").write("/proc/uptime", "1234.50 2000.00\n");
    place
}

/// pvs(8) lists old's physical volume and new's, with what follows each.
fn members(old: &str, new: &str) -> Place {
    let place = of_type("mirror");
    place.stub("pvs", &format!("echo '  {OLD} {old}'\necho '  {UUID} {new}'"));
    place
}

#[test]
fn a_plain_volume_becomes_a_raid1() {
    let place = of_type("linear");
    let ran = place.apply(&mirror("raid1"));
    assert_eq!(place.read(SINCE).as_deref(), Some("1234.50 2000.00\n"));
    let wanted = "lvconvert --yes --type raid1 --mirrors 1 --regionsize 2m vg0/root /dev/new";
    assert_eq!(ran.good().calls_of(CHANGES), [wanted]);
}

#[test]
fn a_raid1_that_lost_its_leg_takes_it_back() {
    let place = of_type("raid1");
    place.write(SINCE, "1.00 2.00\n");
    let ran = place.apply(&mirror("raid1"));
    assert_eq!(place.read(SINCE).as_deref(), Some("1.00 2.00\n"), "the copy is as old as it was");
    assert_eq!(ran.good().calls_of(CHANGES), ["lvchange --refresh vg0/root", "lvchange --monitor y vg0/root"]);
}

#[test]
fn a_plain_volume_becomes_a_mirror() {
    let place = of_type("linear");
    let ran = place.apply(&mirror("core-log"));
    assert_eq!(place.read(SINCE).as_deref(), Some("1234.50 2000.00\n"));
    assert_eq!(ran.calls_of(&["systemctl"]), ["systemctl start dm-event.socket"], "somebody must watch it");
    let wanted =
        "lvconvert --yes --background --type mirror --mirrors 1 --mirrorlog core --regionsize 2m vg0/root /dev/new";
    assert_eq!(ran.good().calls_of(CHANGES), [wanted]);
}

/// Its log is in memory: nobody knows which regions differ.
#[test]
fn a_mirror_that_is_not_sound_is_copied_from_the_beginning() {
    let ran = of_type("mirror").apply(&mirror("core-log"));
    let calls = ran.good().calls_of(CHANGES);
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(calls[0], "lvconvert --yes --mirrors 0 vg0/root /dev/new");
}

#[test]
fn a_mirror_that_cannot_be_taken_apart_gets_no_third_leg() {
    let place = of_type("mirror");
    place.stub("lvconvert", "exit 5");
    let ran = place.apply(&mirror("core-log"));
    assert_eq!((ran.code, ran.calls_of(CHANGES).len()), (5, 1), "{:?}", ran.calls);
}

/// A copy of which nobody could say later when it began is not begun.
#[test]
fn a_copy_without_its_age_is_not_made() {
    for how in ["raid1", "core-log"] {
        let place = of_type("linear");
        // a directory cannot be written to
        std::fs::create_dir_all(place.at(SINCE)).unwrap();
        let ran = place.apply(&mirror(how));
        assert!(ran.code != 0 && ran.calls_of(&["lvconvert"]).is_empty(), "{how}: {:?}", ran.calls);
    }
}

/// The beginning of a copy is in the kernel's log before the copy is: complaints from before do not count.
#[test]
fn the_log_says_when_a_copy_begins() {
    let act = &step_acts(&mirror("raid1"))[0];
    let replant::host::Act::Run { argv, stdin, .. } = act else { panic!("{act:?}") };
    assert_eq!(argv, &["tee", "/dev/kmsg"]);
    assert!(stdin.as_ref().unwrap().0.contains("mirror of vg0/root begins"));
}

fn step_acts(step: &replant::step::StepKind) -> Vec<replant::host::Act> {
    step.as_step().apply()
}

#[test]
fn the_leg_on_new_is_named_when_a_mirror_is_taken_apart() {
    let ran = members("vg0", "vg0").undo(&mirror("core-log"));
    assert_eq!(ran.good().calls_of(CHANGES), ["lvconvert --yes --mirrors 0 vg0/root /dev/new"]);
}

/// Where new is missing it cannot be named: what is missing goes, and nothing of old's is touched.
#[test]
fn where_new_is_missing_what_is_missing_leaves_the_mirrors() {
    let ran = members("vg0", "missing vg0").undo(&mirror("core-log"));
    assert_eq!(ran.good().calls_of(CHANGES), ["vgreduce --removemissing --mirrorsonly --force vg0"]);
    let gone = of_type("mirror");
    gone.stub("pvs", &format!("echo '  {OLD} vg0'"));
    let ran = gone.undo(&mirror("core-log"));
    assert_eq!(ran.good().calls_of(CHANGES), ["vgreduce --removemissing --mirrorsonly --force vg0"]);
}

/// A disk of old's own that is missing is no reason to take new for missing.
#[test]
fn old_missing_is_not_new_missing() {
    let ran = members("missing vg0", "vg0").undo(&mirror("core-log"));
    assert_eq!(ran.good().calls_of(CHANGES), ["lvconvert --yes --mirrors 0 vg0/root /dev/new"]);
}

#[test]
fn a_raid1_without_new_is_made_plain_too() {
    let place = members("vg0", "missing vg0");
    place.stub("lvs", "echo '  raid1'");
    let ran = place.undo(&mirror("raid1"));
    let wanted = ["vgreduce --removemissing --mirrorsonly --force vg0", "lvconvert --yes --mirrors 0 vg0/root"];
    assert_eq!(ran.good().calls_of(CHANGES), wanted);
}

#[test]
fn a_group_that_cannot_be_reduced_stays() {
    let place = members("vg0", "missing vg0");
    place.stub("lvs", "echo '  linear'").stub("vgreduce", "exit 5");
    let ran = place.undo(&mirror("core-log"));
    assert_eq!(ran.calls_of(&["lvconvert"]), [""; 0]);
}

/// A way back was ended behind the cut: what is cut off may be active, and holds its disk.
#[test]
fn a_half_that_was_cut_off_is_given_up_before_its_disk_is_wiped() {
    let label = |travels: &str| {
        step(&format!(
            r#"{{ "physical-volume": {{ "device": "/dev/new", "uuid": "{UUID}", "label": "md1", "travels": "{travels}" }} }}"#
        ))
    };
    let calls = ["vgremove", "wipefs", "pvcreate"];
    let created = format!("pvcreate --yes -ff --metadataignore y --uuid {UUID} --norestorefile /dev/new");
    let wiped = "wipefs --all --quiet /dev/new";
    let removed = "vgremove --yes -ff --config backup{backup=0 archive=0} vg0_new";
    let ran = members("vg0", "vg0_new").apply(&label("vg0_new"));
    assert_eq!(ran.good().calls_of(&calls), [removed, wiped, &created]);
    // a group of another name, of another disk, none at all, and a runbook of before
    for (old, new, travels) in [
        ("vg0", "vg0", "vg0_new"),
        ("vg0_new", "", "vg0_new"),
        ("vg0", "my_vg0_new2", "vg0_new"),
        ("vg0", "vg0_new", ""),
    ] {
        let ran = members(old, new).apply(&label(travels));
        assert_eq!(ran.good().calls_of(&calls), [wiped, &created], "{old} {new} {travels}");
    }
    // one that cannot be given up is not wiped
    let place = members("vg0", "vg0_new");
    place.stub("vgremove", "exit 5");
    assert_eq!(place.apply(&label("vg0_new")).calls_of(&["wipefs", "pvcreate"]), [""; 0]);
}

fn member() -> replant::step::StepKind {
    step(&format!(
        r#"{{ "group-member": {{ "vg": "vg0", "device": "/dev/new", "uuid": "{UUID}", "label": "md1" }} }}"#
    ))
}

#[test]
fn a_disk_joins_a_group() {
    let ran = members("vg0", "").apply(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgextend vg0 /dev/new"]);
}

#[test]
fn a_disk_that_its_group_misses_is_taken_back() {
    let ran = members("vg0", "missing vg0").apply(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgck --updatemetadata vg0", "vgextend --restoremissing vg0 /dev/new"]);
}

#[test]
fn one_that_another_group_misses_is_not() {
    let ran = members("vg0", "missing vg1").apply(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgextend vg0 /dev/new"]);
    let ran = members("vg0", "missing vg00").apply(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgextend vg0 /dev/new"]);
    let ran = members("missing vg0", "").apply(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgextend vg0 /dev/new"]);
}

#[test]
fn a_disk_leaves_its_group_by_name() {
    let ran = members("vg0", "vg0").undo(&member());
    assert_eq!(ran.good().calls_of(CHANGES), ["vgreduce vg0 /dev/new"]);
}

/// vgreduce(8) without `--force` refuses where a volume is on what is missing.
#[test]
fn a_disk_that_is_missing_leaves_its_group_as_missing() {
    for new in ["missing vg0", "", "vg1", "vg00"] {
        let ran = members("vg0", new).undo(&member());
        assert_eq!(ran.good().calls_of(CHANGES), ["vgreduce --removemissing vg0"], "{new}");
    }
}
