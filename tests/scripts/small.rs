//! The one-line scripts, and the kernel's own target.

use replant::step::{Seen, StepKind};

use crate::place::{Place, step};

#[test]
fn an_array_is_stopped_where_it_runs() {
    let stopped = step(r#"{ "array-stopped": { "device": "/dev/md1", "uuid": "u" } }"#);
    let place = Place::new();
    assert_eq!(place.apply(&stopped).good().calls, [""; 0]);
    place.write("/dev/disk/by-id/md-uuid-u", "");
    assert_eq!(place.apply(&stopped).good().calls, ["mdadm --stop /dev/disk/by-id/md-uuid-u"]);
    place.stub("mdadm", "exit 1");
    assert_eq!(place.apply(&stopped).code, 1, "one that cannot be stopped is no success");
}

fn services() -> StepKind {
    step(
        r#"{ "service": { "units": ["rec.service", "db.service", "job.service"], "run": false, "in_order": true,
        "record": "/run/replant/stop.ran" } }"#,
    )
}

/// systemctl(1) of a system on which these units are as they are, until they are told otherwise.
fn systemd(states: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (unit, state) in states {
        place.write(&format!("/units/{unit}"), &format!("{state}\n"));
    }
    place.stub(
        "systemctl",
        r#"verb=$1; shift
[ "${1:-}" = -- ] && shift
[ "${1:-}" = --no-block ] && shift
for unit do case $verb in
    is-active) cat "/units/$unit" 2>/dev/null || echo inactive ;;
    stop) [ ! -e "/stuck/$unit" ] || exit 1; echo inactive >"/units/$unit" ;;
    start) [ ! -e "/stuck/$unit" ] || exit 1; echo active >"/units/$unit" ;;
esac; done"#,
    );
    place
}

fn told(ran: &crate::place::Ran) -> Vec<&str> {
    ran.calls.iter().map(String::as_str).filter(|call| !call.contains("is-active")).collect()
}

/// Each is down before the next is told, and only what ran is started again.
#[test]
fn services_are_stopped_in_order_and_what_ran_is_started() {
    let place = systemd(&[("rec.service", "active"), ("db.service", "inactive"), ("job.service", "active")]);
    let ran = place.apply(&services());
    assert_eq!(told(ran.good()), ["systemctl stop rec.service", "systemctl stop job.service"]);
    assert_eq!(place.observe(&services()), Seen::Present);
    let back = place.undo(&services());
    assert_eq!(told(back.good()), ["systemctl start job.service", "systemctl start rec.service"]);
    assert_eq!(place.observe(&services()), Seen::Absent);
    assert!(!place.there("/run/replant/stop.ran"));
}

/// Killed half-way and done again: what was stopped before is not forgotten.
#[test]
fn stopped_in_two_goes_is_stopped_all_the_same() {
    let place = systemd(&[("rec.service", "active"), ("db.service", "active"), ("job.service", "active")]);
    place.write("/stuck/db.service", "");
    let ran = place.apply(&services());
    assert_eq!(
        (ran.code, told(&ran).len()),
        (1, 2),
        "the next is not told: it would lose what this one still sends it"
    );
    assert!(matches!(place.observe(&services()), Seen::Partial(_)));
    std::fs::remove_file(place.at("/stuck/db.service")).unwrap();
    place.apply(&services()).good();
    assert_eq!(place.observe(&services()), Seen::Present);
    let back = place.undo(&services());
    assert_eq!(told(back.good()).len(), 3);
}

/// What a socket woke while others were stopped goes with its socket at the end.
#[test]
fn what_is_woken_meanwhile_is_stopped_at_the_end() {
    let place = systemd(&[("rec.service", "active"), ("db.service", "active"), ("job.service", "active")]);
    let stub = place.read("/stubs/systemctl").unwrap();
    place.write(
        "/stubs/systemctl",
        &(stub + "[ \"$verb $*\" != 'stop job.service' ] || echo active >/units/rec.service\n"),
    );
    place.apply(&services()).good();
    assert_eq!(place.observe(&services()), Seen::Present);
}

#[test]
fn a_unit_that_moves_is_stopped_too() {
    let place =
        systemd(&[("rec.service", "activating"), ("db.service", "deactivating"), ("job.service", "reloading")]);
    place.apply(&services()).good();
    assert_eq!(place.observe(&services()), Seen::Present);
}

#[test]
fn a_service_that_does_not_start_keeps_no_other_from_it() {
    let place = systemd(&[("rec.service", "active"), ("db.service", "active"), ("job.service", "active")]);
    place.apply(&services()).good();
    place.write("/stuck/job.service", "");
    let back = place.undo(&services());
    assert_eq!((back.code, told(&back).len()), (1, 3));
    assert!(place.there("/run/replant/stop.ran"), "what ran is not forgotten before all of it runs again");
}

#[test]
fn what_ran_must_be_written_down_before_anything_is_stopped() {
    let place = systemd(&[("rec.service", "active"), ("db.service", "active"), ("job.service", "active")]);
    // a directory cannot be written to
    std::fs::create_dir_all(place.at("/run/replant/stop.ran")).unwrap();
    let ran = place.apply(&services());
    assert!(ran.code != 0 && told(&ran).is_empty(), "{:?}", ran.calls);
}

#[test]
fn a_node_record_leaves_no_empty_directory_and_no_other_record_goes() {
    let node = step(
        r#"{ "iscsi-node": { "iqn": "i", "portal": "p", "path": "/etc/iscsi/nodes/i/p/default", "record": "x = y\n" } }"#,
    );
    let place = Place::new();
    assert_eq!(place.observe(&node), Seen::Absent);
    place.apply(&node).good();
    assert_eq!(place.observe(&node), Seen::Present);
    place.undo(&node).good();
    assert!(place.there("/etc/iscsi/nodes") && !place.there("/etc/iscsi/nodes/i"));
    place.apply(&node).good();
    place.write("/etc/iscsi/nodes/i/other/default", "x");
    place.undo(&node).good();
    assert!(place.there("/etc/iscsi/nodes/i/other/default") && !place.there("/etc/iscsi/nodes/i/p"));
    // and another record of the same portal
    place.apply(&node).good();
    place.write("/etc/iscsi/nodes/i/p/iface0", "x");
    place.undo(&node).good();
    assert!(place.there("/etc/iscsi/nodes/i/p/iface0") && !place.there("/etc/iscsi/nodes/i/p/default"));
}

#[test]
fn sessions_are_read_from_the_kernel() {
    let logout = step(r#"{ "logout": { "iqn": "iqn.a:b", "portal": "p", "device": "/dev/x" } }"#);
    let place = Place::new();
    assert_eq!(place.observe(&logout), Seen::Present);
    let session = "/sys/class/iscsi_session/session1";
    place.write(&format!("{session}/targetname"), "iqn.a:b\n").write(&format!("{session}/state"), "FAILED\n");
    assert_eq!(place.observe(&logout), Seen::Absent);
    place.write(&format!("{session}/targetname"), "iqn.a:c\n");
    assert_eq!(place.observe(&logout), Seen::Present);
}

#[test]
fn a_disk_that_is_not_there_is_known_before_it_is_asked() {
    let pv = step(r#"{ "physical-volume": { "device": "/dev/x", "uuid": "u", "label": "l" } }"#);
    let place = Place::new();
    place
        .stub("pvs", r#"echo '{"report":[{"pv":[]}]}'"#)
        .stub("wipefs", "echo '{\"signatures\":[{\"type\":\"xfs\"}]}'");
    assert_eq!(place.observe(&pv), Seen::Absent);
    place.write("/dev/x", "");
    assert!(matches!(place.observe(&pv), Seen::Foreign(_)));
}

#[test]
fn a_file_that_cannot_be_read_is_no_missing_file() {
    let gone = step(r#"{ "no-file": { "path": "/etc/x" } }"#);
    let place = Place::new();
    assert_eq!(place.observe(&gone), Seen::Present);
    std::os::unix::fs::symlink("/nowhere", place.at("/etc/x")).unwrap();
    let seen = gone.as_step().observe(&place, replant::host::Side::Old);
    assert!(seen.is_err(), "a dangling link is there: {seen:?}");
    std::fs::remove_file(place.at("/etc/x")).unwrap();
    place.write("/etc/x", "");
    assert_eq!(place.observe(&gone), Seen::Absent);
}

// ---- the kernel's target ------------------------------------------------------------------------------------------------

const CONFIG: &str = "/sys/kernel/config/target";

fn lio() -> StepKind {
    step(
        r#"{ "lio-export": { "iqn": "iqn.a:b", "name": "srv1-md1", "device": "/dev/disk/by-id/md", "serial": "S1",
        "portal": "10.0.0.2:3260", "initiator": "iqn.i:1", "user": "replant", "dir": "/run/replant" } }"#,
    )
}

/// configfs makes files with each directory: here they are made before.
fn configfs() -> Place {
    let place = Place::new();
    let core = format!("{CONFIG}/core/iblock_0/srv1-md1");
    place
        .write(&format!("{core}/enable"), "0\n")
        .write(&format!("{core}/wwn/vpd_unit_serial"), "T10 VPD Unit Serial Number: \n");
    let tpg = format!("{CONFIG}/iscsi/iqn.a:b/tpgt_1");
    for file in ["attrib/authentication", "acls/iqn.i:1/auth/userid", "enable"] {
        place.write(&format!("{tpg}/{file}"), "");
    }
    place
}

#[test]
fn what_the_kernel_offers_asks_for_a_password_and_one_initiator() {
    let place = configfs();
    place.apply(&lio()).good();
    let tpg = |file: &str| place.read(&format!("{CONFIG}/iscsi/iqn.a:b/tpgt_1/{file}")).unwrap_or_default();
    assert_eq!(tpg("attrib/authentication"), "1\n");
    assert_eq!(tpg("attrib/generate_node_acls"), "0\n");
    assert_eq!(tpg("attrib/demo_mode_write_protect"), "0\n");
    assert_eq!(tpg("enable"), "1\n");
    assert_eq!(tpg("acls/iqn.i:1/auth/userid"), "replant");
    assert!(tpg("acls/iqn.i:1/auth/password").contains("chap"), "the host fills in the secret");
    let core = |file: &str| place.read(&format!("{CONFIG}/core/iblock_0/srv1-md1/{file}")).unwrap_or_default();
    assert_eq!((core("udev_path"), core("enable")), ("/dev/disk/by-id/md\n".into(), "1\n".into()));
    assert!(!place.there("/run/replant/lio-chap"), "the secret is left behind");
    // the kernel prints more than was written to it
    place.write(&format!("{CONFIG}/core/iblock_0/srv1-md1/wwn/vpd_unit_serial"), "T10 VPD Unit Serial Number: S1\n");
    std::fs::remove_dir_all(place.at(&format!("{CONFIG}/iscsi/iqn.a:b/tpgt_1/acls"))).unwrap();
    assert!(matches!(place.observe(&lio()), Seen::Partial(_)));
}

/// Nothing is offered before it asks for a password.
#[test]
fn a_target_that_cannot_ask_for_a_password_is_not_offered() {
    for file in ["attrib/authentication", "attrib/generate_node_acls", "acls/iqn.i:1/auth/password"] {
        let place = configfs();
        let path = format!("{CONFIG}/iscsi/iqn.a:b/tpgt_1/{file}");
        let _ = std::fs::remove_file(place.at(&path));
        // a directory cannot be written to
        std::fs::create_dir_all(place.at(&path)).unwrap();
        assert_ne!(place.apply(&lio()).code, 0, "{file}");
        assert_eq!(place.read(&format!("{CONFIG}/iscsi/iqn.a:b/tpgt_1/enable")).as_deref(), Some(""), "{file}");
    }
}
