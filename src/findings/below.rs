//! What stands in the way of a copy from below: an array of md put beneath live volumes of old.

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::Names;
use crate::facts::{Facts, Lv};
use crate::layout::{used, volumes};
use crate::plan::{CopyHow, Method, Only, Plan, Span};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1232",
        title: "old's kernel cannot put an array beneath a volume",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the copy from below is a raid1 of md beneath each live volume, whose superblock and bitmap stand in a RAM disk: \
              the modules `raid1` and `brd`.",
        remedy: "install the full kernel of the distribution and boot it, or choose `copy: { method: mirror }`.",
        check: Check::Copied(Method::Below, modules),
    },
    Rule {
        code: "R1233",
        title: "a kernel in which a raid1 could lose a failed write",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "before 5.10.37 and in 5.11 and 5.12 a write that failed on one leg of a raid1 could be reported as good, and the \
              leg stay in sync. Long-term kernels of distributions may have the correction under an older number.",
        remedy: "boot a newer kernel first, choose `copy: { method: mirror }`, or waive it where the distribution's kernel has \
                 the correction (Linux 2417b9869b81).",
        check: Check::Copied(Method::Below, kernel),
    },
    Rule {
        code: "R1234",
        title: "a volume holds what mdadm or LVM would take for its own",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "mdadm erases a superblock that it finds on a member of a new array, and LVM on old would see the same physical \
              volume on the volume and on the array beneath it.",
        remedy: "`copy: { method: mirror }`, or leave the volume out with `copy: skip`.",
        check: Check::Copied(Method::Below, signatures),
    },
    Rule {
        code: "R1235",
        title: "a volume is to be mirrored by LVM, and its group is copied from below",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "`copy: raid1` and `copy: mirror` say how LVM mirrors a volume. With `copy: { method: below }` it mirrors none.",
        remedy: "leave `copy:` out of the volume, or choose `copy: { method: mirror }` for all.",
        check: Check::Copied(Method::Below, mirrored),
    },
    Rule {
        code: "R1241",
        title: "a volume is copied whole, though only what is in use is wanted",
        severity: Severity::Note,
        absolute: false,
        why: "with `copy: { only: used }` old asks the mounted file system what it calls free (FS_IOC_GETFSMAP), and copies the rest. \
              ext4 and xfs have such a map, while they are mounted from the volume itself. Of every other volume all blocks are \
              copied: that is as good, and takes longer.",
        remedy: "nothing, or mount the file system before the plan is made.",
        check: Check::Copied(Method::Below, whole),
    },
];

/// The volumes that are copied, with their places in the plan.
fn copied<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Lv, CopyHow, Option<Span>)> {
    volumes(plan, facts).filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate)).map(
        |(lv, how, said)| {
            let group = || plan.volume_groups.iter().find(|group| **group.name == lv.vg)?.name.span();
            (lv, how, said.and_then(|said| said.name.span()).or_else(group))
        },
    )
}

fn whole(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if *plan.copy.only != Only::Used {
        return Vec::new();
    }
    let names = Names::of(&facts.old);
    copied(plan, facts)
        .filter_map(|(lv, _, span)| Some((lv, used(facts, &names, lv).err()?, span)))
        .map(|(lv, why, span)| {
            let name = format!("{}/{}", lv.vg, lv.name);
            Hit::new(format!("all of {name} is copied: {why}"), "nothing is to be done").at(span)
        })
        .collect()
}

fn modules(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let lacking = ["raid1", "brd"].into_iter().filter(|module| !facts.old.modules.contains(*module));
    let hit = |module| {
        let help = "install the full kernel package of its distribution (not a cloud kernel) and boot it, or choose \
                    `copy: { method: mirror }`";
        Hit::new(format!("the kernel of old has no module `{module}`"), help).at(plan.copy.method.span())
    };
    lacking.map(hit).collect()
}

fn kernel(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().unwrap_or(0);
    let mut numbers = facts.old.kernel.split(['.', '-']).map(number);
    let (major, minor, patch) =
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let good = match (major, minor) {
        // Debian's and other long-term kernels count upstream's corrections in the third number
        (5, 10) => patch == 0 || patch >= 37,
        (5, 11 | 12) => false,
        version => version > (5, 12),
    };
    if good {
        return Vec::new();
    }
    let message =
        format!("kernel {} of old may report a failed write to one leg of a raid1 as good", facts.old.kernel);
    let help = "boot a newer kernel first, choose `copy: { method: mirror }`, or waive it where the distribution's kernel has the \
                correction";
    vec![Hit::new(message, help).at(plan.copy.method.span())]
}

fn signatures(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let theirs = |lv: &Lv| lv.fstype.clone().filter(|kind| kind == "LVM2_member" || kind.ends_with("_raid_member"));
    copied(plan, facts)
        .filter_map(|(lv, _, span)| Some((lv, theirs(lv)?, span)))
        .map(|(lv, kind, span)| {
            let name = format!("{}/{}", lv.vg, lv.name);
            Hit::new(
                format!("{name} holds {kind}: an array beneath it would be taken for one more"),
                "choose `copy: { method: mirror }`, or leave it out with `copy: skip`",
            )
            .at(span)
        })
        .collect()
}

fn mirrored(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    copied(plan, facts)
        .filter(|(_, how, _)| matches!(how, CopyHow::Mirror | CopyHow::Raid1))
        .map(|(lv, _, span)| {
            let name = format!("{}/{}", lv.vg, lv.name);
            Hit::new(
                format!("{name} is to be mirrored by LVM, and the plan copies all groups from below"),
                "leave `copy:` out for it, or choose `copy: { method: mirror }`",
            )
            .at(span)
        })
        .collect()
}
