//! The migrated system made fit for new's disks and cards, and its boot loader on each disk.

use crate::course::book::{Book, Handle};
use crate::course::text;
use crate::course::{loader, prepare};
use crate::host::Side::New;
use crate::layout::{CLOUD_INIT_DISABLED, Layout};
use crate::step::{File, NoFile, StepKind};

pub(super) struct Fit {
    pub last: Handle,
    /// files of the migrated system
    pub edits: Vec<Handle>,
}

/// `root`: where the migrated system is mounted on new.
pub(super) fn write(book: &mut Book, layout: &Layout, root: &str, after: &Handle) -> Fit {
    let mut fit = Fit { last: after.clone(), edits: Vec::new() };
    for edit in
        [arrays(layout, root), names_of_cards(layout, root), no_cloud_init(layout, root)].into_iter().flatten()
    {
        let Edit { id, step, why } = edit;
        fit.last = book.step(id, New, step, &[&fit.last], why);
        fit.edits.push(fit.last.clone());
    }
    for disk in &layout.disks {
        fit.last = loader::install(book, layout, (New, root), disk, &fit.last);
    }
    fit
}

struct Edit {
    id: &'static str,
    step: StepKind,
    why: &'static str,
}

fn arrays(layout: &Layout, root: &str) -> Option<Edit> {
    let path = layout.family.md.file;
    let was = layout.files.get(path)?;
    let travelled = prepare::with_arrays(layout, was);
    let now = prepare::with_arrays_of_new(layout, was);
    let step = File::instead(format!("{root}{path}"), Some(&travelled), now);
    Some(Edit { id: "mdadm-conf", step: step.into(), why: "old's arrays are not here" })
}

/// Written by the udev of before predictable names.
const PERSISTENT_NET: &str = "/etc/udev/rules.d/70-persistent-net.rules";

fn names_of_cards(layout: &Layout, root: &str) -> Option<Edit> {
    let (step, why) = persistent_names(layout, root)?;
    Some(Edit { id: "persistent-net", step, why })
}

pub(in crate::course) fn persistent_names(layout: &Layout, root: &str) -> Option<(StepKind, &'static str)> {
    let was = layout.files.get(PERSISTENT_NET)?;
    let path = format!("{root}{PERSISTENT_NET}");
    Some(match layout.card.as_ref().filter(|card| card.by_rule) {
        Some(card) => {
            let rule = prepare::named(text::NETWORK_RULES, layout, card);
            let step = File::instead(path, Some(was), rule);
            (step.into(), "it gives old's card its name, and is to give it to new's")
        }
        None => (NoFile { path }.into(), "it binds names to the cards of the old machine"),
    })
}

fn no_cloud_init(layout: &Layout, root: &str) -> Option<Edit> {
    let text =
        format!("# Written by replant for the migration {}: this is the same server as before.\n", layout.name);
    layout.cloud_init.then(|| Edit {
        id: "no-cloud-init",
        step: File::new(format!("{root}{CLOUD_INIT_DISABLED}"), text).into(),
        why: "it would take new for another server, and replace its host keys and the network's configuration",
    })
}
