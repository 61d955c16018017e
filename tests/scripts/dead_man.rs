//! The runner that starts services again, and what arms and holds it.

use replant::step::{Seen, StepKind};

use crate::place::{Place, step};

const DIR: &str = "/run/replant/m/dead-man";

fn runner() -> StepKind {
    step(
        r#"{ "dead-man": { "dir": "/run/replant/m/dead-man", "unit": "d.service", "seconds": 3, "back": [
            { "argv": ["rm", "-f", "--", "/run/replant/m/quiet"] },
            { "only": { "writable": "/srv/a b" }, "argv": ["mount", "-o", "remount,rw", "/srv/a b"] },
            { "only": { "writable": "/srv/ro" }, "argv": ["mount", "-o", "remount,rw", "/srv/ro"] },
            { "only": { "writable": "/gone" }, "argv": ["mount", "-o", "remount,rw", "/gone"] },
            { "argv": ["sh", "-c", "systemctl start \"it's $1\"; exit 1", "sh", "one.service"] },
            { "only": { "swapped": "/dev/mapper/vg0-swap" }, "argv": ["lvs", "swap"] },
            { "only": { "swapped": "/dev/mapper/vg0-other" }, "argv": ["lvs", "other"] },
            { "argv": ["systemctl", "start", "last.service"] } ] } }"#,
    )
}

fn off() -> StepKind {
    step(r#"{ "dead-man-off": { "dir": "/run/replant/m/dead-man", "unit": "d.service", "seconds": 3 } }"#)
}

/// As `systemctl is-active` has it, and a second that is shorter.
fn place() -> Place {
    let place = Place::new();
    place.write("/proc/swaps", "Filename Type Size Used Priority\n/dev/mapper/vg0-swap partition 9 0 -2\n");
    place.write(
        "/proc/self/mountinfo",
        "20 1 254:0 / / rw,relatime - ext4 /dev/a rw\n21 20 254:1 / /srv/a\\040b rw shared:1 - xfs /dev/b rw,noquota\n\
         22 20 254:2 / /srv/ro ro - ext4 /dev/c ro\n",
    );
    place.stub("systemctl", r#"[ "$1" != is-active ] || cat /state 2>/dev/null || echo inactive"#);
    place.stub("systemd-run", "echo active >/state");
    // what /etc/alternatives says is not in here
    let awk = std::fs::canonicalize("/usr/bin/awk").unwrap();
    place.stub("awk", &format!("exec {} \"$@\"", awk.display()));
    place.stub("sleep", "exec /usr/bin/sleep 0.05");
    place.write("/run/replant/seen", "run-1\n{}\n");
    place.write("/run/replant/m/quiet", "");
    place
}

/// What it does, beside what else happens meanwhile.
fn watched(place: &Place, meanwhile: &str) -> crate::place::Ran {
    let both = format!("{{ :; {meanwhile}\n}} &\nsh {DIR}/dead-man.sh {DIR} 3; c=$?; wait; exit $c");
    place.run(&["sh", "-c", &format!("D={DIR}; exec 8>&-; {both}")])
}

fn done(ran: &crate::place::Ran) -> Vec<&str> {
    ran.calls_of(&["mount", "systemctl", "lvs"])
}

#[test]
fn it_is_armed_as_a_unit_of_systemd() {
    let (place, step) = (place(), runner());
    assert_eq!(place.observe(&step), Seen::Absent);
    let ran = place.apply(&step);
    let started = ran.good().calls_of(&["systemd-run"]);
    assert!(matches!(started[..], [one] if one.contains("--unit=d.service") && one.ends_with(&format!("{DIR} 3"))));
    assert_eq!(place.observe(&step), Seen::Present);
    // who ends it, ends it only for a while
    place.write("/state", "inactive\n");
    assert!(matches!(place.observe(&step), Seen::Partial(_)));
    place.write("/proc/self/mountinfo", "20 1 254:0 / / ro - ext4 /dev/a ro\n");
    place.write("/proc/swaps", "");
    place.apply(&step).good();
    assert_eq!(place.observe(&step), Seen::Present);
    // what was found when nothing had been stopped stays
    assert!(place.read(&format!("{DIR}/mounts")).unwrap().contains("/srv/a"));
    assert!(place.read(&format!("{DIR}/swaps")).unwrap().contains("vg0-swap"));
    place.undo(&step).good();
    assert!(!place.there(DIR));
    assert_eq!(place.observe(&step), Seen::Absent);
}

#[test]
fn it_takes_everything_back_that_it_may() {
    let (place, step) = (place(), runner());
    place.apply(&step).good();
    let ran = watched(&place, "");
    let all = [
        "mount -o remount,rw /srv/a b",
        "systemctl start it's one.service",
        "lvs swap",
        "systemctl start last.service",
    ];
    assert_eq!(done(ran.good()), all, "in order, and what fails keeps nothing from the rest");
    assert!(!place.there("/run/replant/m/quiet"), "old is not silent any more");
    assert_eq!(place.read(&format!("{DIR}/fired")).unwrap(), "run-1\n");
    assert!(matches!(place.observe(&step), Seen::Partial(_)));
    place.apply(&off()).fails(1, "come back by themselves", &[]);
    assert_eq!(place.observe(&off()), Seen::Absent);
    // armed again
    place.apply(&step).good();
    assert_eq!(place.observe(&step), Seen::Present);
    assert!(!place.there(&format!("{DIR}/fired")));
}

#[test]
fn held_it_does_nothing() {
    let (place, step) = (place(), runner());
    place.apply(&step).good();
    place.apply(&off()).good();
    place.apply(&off()).good();
    assert_eq!((place.observe(&step), place.observe(&off())), (Seen::Present, Seen::Present));
    assert_eq!(done(watched(&place, "").good()), [""; 0]);
    // on the way back it may fire again
    place.undo(&off()).good();
    assert_eq!((place.observe(&step), place.observe(&off())), (Seen::Present, Seen::Absent));
    assert_eq!(done(watched(&place, "").good()).len(), 4);
    place.undo(&off()).good();
    assert!(place.there(&format!("{DIR}/fired")), "what has fired is not armed by a way back");
}

#[test]
fn who_is_heard_of_or_works_keeps_it_waiting() {
    let (place, step) = (place(), runner());
    place.apply(&step).good();
    let end = "mv $D/armed $D/cut";
    let words =
        format!("n=0; while [ $n -lt 40 ]; do n=$((n + 1)); echo $n >$D/heard; /usr/bin/sleep 0.03; done; {end}");
    assert_eq!(done(watched(&place, &words).good()), [""; 0], "it is heard of");
    place.apply(&step).good();
    let act = format!("exec 7>>$D/lock; flock -s 7; /usr/bin/sleep 1.2; {end}");
    assert_eq!(done(watched(&place, &act).good()), [""; 0], "an act runs");
}

/// While services come back nothing else is done.
#[test]
fn an_act_waits_until_all_has_come_back() {
    let (place, step) = (place(), runner());
    place.apply(&step).good();
    place.stub("lvs", "flock -n -s /run/replant/m/dead-man/lock true && echo free >/free");
    assert_eq!(done(watched(&place, "").good()).len(), 4);
    assert!(!place.there("/free"));
}

/// It is late, and at that very moment somebody cuts: one of the two is first.
#[test]
fn who_holds_it_at_the_last_moment_is_first() {
    let (place, step) = (place(), runner());
    place.apply(&step).good();
    place.run(&["sh", "-c", "rm -f /run/replant/seen && mkfifo /run/replant/seen"]).good();
    // the runner opens it when it has found that it may fire, and reads on when this writes
    let meanwhile = "{ mv $D/armed $D/cut; echo run-1; } >/run/replant/seen";
    assert_eq!(done(watched(&place, meanwhile).good()), [""; 0]);
    assert!(place.there(&format!("{DIR}/cut")) && !place.there(&format!("{DIR}/fired")));
}
