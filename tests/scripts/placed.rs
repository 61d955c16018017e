//! The small place from which new boots into its hold: how it is made on old, and how it is emptied in the end.

use std::sync::LazyLock;

use replant::course;
use replant::facts;
use replant::plan::{self, HoldPlace, Method, NewBoot};
use replant::runbook::Node;
use replant::sim::Sim;
use replant::step::{Job, StepKind};

use crate::place::{Place, Ran};

fn job(id: &str) -> &'static Job {
    static NODES: LazyLock<Vec<Node>> = LazyLock::new(|| {
        let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
        (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
        plan.hold = plan.boot.take().map(|boot| HoldPlace { to: boot.to });
        let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
        course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
    });
    let node = NODES.iter().find(|node| node.id.0 == id).unwrap_or_else(|| panic!("there is no step {id}"));
    let StepKind::Job(job) = &node.step else { panic!("{id} is a job") };
    job
}

const UUID: &str = "5b5b5b5b-0000-4000-8000-000000000001";

/// Old, with a disk of new's on which something else was.
fn old() -> Place {
    let place = Place::new();
    place.write("/make", &job("hold-place").script).write("/fs", "another\n");
    place.stub("mkfs.ext4", "for last; do :; done; [ \"$last\" = /dev/lun ] || exit 1; while [ \"$1\" != -U ]; do shift; done; echo \"$2\" >/memory");
    place.stub("sync", "[ ! -e /memory ] || cp /memory /fs").stub("blockdev", "rm -f /memory");
    place.stub("blkid", "cat /memory 2>/dev/null || cat /fs");
    place
}

fn make(place: &Place) -> Ran {
    place.run(&["sh", "/make", "/dev/lun", UUID])
}

#[test]
fn the_place_is_made_of_the_plainest_kind() {
    let place = old();
    let ran = make(&place);
    assert_eq!(
        ran.good().calls_of(&["mkfs.ext4", "sync", "blockdev", "blkid"]),
        [
            // metadata_csum_seed, orphan_file and what else is new is nothing to GRUB; a disk of new's need not discard
            &format!("mkfs.ext4 -q -F -t ext3 -m 0 -E nodiscard -U {UUID} /dev/lun"),
            "sync /dev/lun",
            "blockdev --flushbufs /dev/lun",
            "blkid -p -o value -s UUID /dev/lun",
        ]
    );
}

#[test]
fn a_place_that_is_not_on_the_disk_is_none() {
    let worlds = [
        ("mkfs.ext4", "exit 1"),
        // it is in memory only
        ("sync", ""),
        ("sync", "exit 5"),
        ("blockdev", "exit 1"),
        ("blkid", "exit 2"),
        ("blkid", "echo 5b5b5b5b-0000-4000-8000-000000000002"),
    ];
    for (tool, body) in worlds {
        let place = old();
        place.stub(tool, body);
        assert_ne!(make(&place).code, 0, "{tool}: {body}");
    }
}

/// A mounted file system is a link to the directory that it is.
const MOUNT: &str =
    "[ \"${PRIVATE-}\" = yes ] || { echo 'everybody would see it' >&2; exit 32; }\nrmdir \"$4\" && ln -s /fs \"$4\"";

/// The migrated system, with the place.
fn migrated() -> Place {
    let place = Place::new();
    place.write("/empty", &job("hold-empty").script);
    place.stub("unshare", "[ \"$1\" = --mount ] || exit 1; shift; PRIVATE=yes exec \"$@\"");
    place.stub("mount", MOUNT).stub("umount", "rm \"$1\" && mkdir \"$1\"").stub("blkid", &format!("echo {UUID}"));
    for path in
        ["/fs/grub/grub.cfg", "/fs/grub/i386-pc/core.img", "/fs/initrd.img-6.1", "/fs/.hidden", "/fs/lost+found/x"]
    {
        place.write(path, "x");
    }
    place.write("/run/other", "x");
    place
}

fn empty(place: &Place) -> Ran {
    place.run(&["sh", "/empty", "/dev/md0", UUID, "/run/replant/hold-place"])
}

fn left(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.at("/fs")).unwrap();
    let mut all: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

#[test]
fn the_place_is_emptied_and_nothing_else() {
    let place = migrated();
    let ran = empty(&place);
    ran.good();
    assert_eq!(left(&place), ["lost+found"]);
    assert!(place.there("/run/other") && !place.there("/run/replant/hold-place"), "{:?}", ran.calls);
    assert_eq!(
        ran.calls_of(&["mount", "sync"]),
        ["mount -o noatime /dev/md0 /run/replant/hold-place", "sync -f /run/replant/hold-place"]
    );
    // once more
    empty(&place).good();
}

#[test]
fn what_is_not_the_place_is_not_emptied() {
    let all = left(&migrated());
    let worlds = [
        ("blkid", "echo 5b5b5b5b-0000-4000-8000-000000000002", 1),
        ("blkid", "exit 2", 1),
        ("mount", "exit 32", 32),
        ("unshare", "exit 1", 1),
    ];
    for (tool, body, code) in worlds {
        let place = migrated();
        place.stub(tool, body);
        assert_eq!(empty(&place).code, code, "{tool}: {body}");
        assert_eq!(left(&place), all, "{tool}: {body}");
    }
    // what is not on the disk may come back
    let place = migrated();
    place.stub("sync", "exit 5");
    assert_eq!(empty(&place).code, 5);
}
