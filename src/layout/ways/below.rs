//! What stands in the way of a copy from below: an array of md put beneath live volumes of old.

use super::obstacle::Obstacle;
use crate::facts::{Facts, Lv};
use crate::layout::volumes;
use crate::plan::{CopyHow, Method, Plan, Span};

/// How groups are copied.
pub(crate) fn method(plan: &Plan, facts: &Facts) -> Method {
    match &plan.copy.method {
        Some(said) => **said,
        None if obstacles(plan, facts).is_empty() => Method::Below,
        None => Method::Mirror,
    }
}

/// Where the plan asks for it, or where it could.
fn place(plan: &Plan) -> Option<Span> {
    let group = || plan.volume_groups.first().and_then(|group| group.name.span());
    plan.copy.method.as_ref().and_then(|method| method.span()).or_else(group)
}

/// Commands of old that it takes.
pub(crate) const TOOLS: [&str; 4] = ["mdadm", "blkid", "modprobe", "unshare"];

/// All that does.
pub(crate) fn obstacles(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    [tools, modules, kernel, signatures, mirrored].into_iter().flat_map(|look| look(plan, facts)).collect()
}

/// The volumes that are copied, with their places in the plan.
pub(super) fn copied<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Lv, CopyHow, Option<Span>)> {
    volumes(plan, facts).filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate)).map(
        |(lv, how, said)| {
            let group = || plan.volume_groups.iter().find(|group| **group.name == lv.vg)?.name.span();
            (lv, how, said.and_then(|said| said.name.span()).or_else(group))
        },
    )
}

fn tools(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    let lacking = TOOLS.into_iter().filter(|tool| !facts.old.tools.contains(*tool));
    let obstacle = |tool| Obstacle {
        message: format!("old has no {tool}"),
        help: Some(format!("install {tool} on old")),
        at: place(plan),
    };
    lacking.map(obstacle).collect()
}

pub(crate) fn modules(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    let lacking = ["raid1", "brd"].into_iter().filter(|module| !facts.old.modules.contains(*module));
    let obstacle = |module| Obstacle {
        message: format!("the kernel of old has no module `{module}`"),
        help: Some("install the full kernel package of its distribution (not a cloud kernel) and boot it".into()),
        at: place(plan),
    };
    lacking.map(obstacle).collect()
}

pub(crate) fn kernel(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
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
    let help = "boot a newer kernel first, waive it where the distribution's kernel has the correction";
    vec![Obstacle { message, help: Some(help.into()), at: place(plan) }]
}

pub(crate) fn signatures(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    let theirs = |lv: &Lv| lv.fstype.clone().filter(|kind| kind == "LVM2_member" || kind.ends_with("_raid_member"));
    copied(plan, facts)
        .filter_map(|(lv, _, span)| Some((lv, theirs(lv)?, span)))
        .map(|(lv, kind, span)| {
            let name = format!("{}/{}", lv.vg, lv.name);
            Obstacle {
                message: format!("{name} holds {kind}: an array beneath it would be taken for one more"),
                help: Some("leave it out with `copy: skip`".into()),
                at: span,
            }
        })
        .collect()
}

pub(crate) fn mirrored(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    copied(plan, facts)
        .filter(|(_, how, _)| matches!(how, CopyHow::Mirror | CopyHow::Raid1))
        .map(|(lv, _, span)| {
            let name = format!("{}/{}", lv.vg, lv.name);
            Obstacle {
                message: format!("{name} is to be mirrored by LVM, and the plan copies all groups from below"),
                help: Some("leave `copy:` out for it".into()),
                at: span,
            }
        })
        .collect()
}
