//! The texts of files, rendered while the runbook is made. An undefined name in a template is an error, never a blank.

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::layout::Layout;
use crate::step::Job;

macro_rules! templates {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(crate) const $name: &str = include_str!(concat!("templates/", $file));)*
    };
}

templates! {
    LVM_ISOLATED = "lvm-isolated.conf.j2",
    UDEV_LEGS = "udev-legs.rules.j2",
    UDEV_ARRAYS = "udev-arrays.rules.j2",
    LVM_OPEN = "lvm-open.conf.j2",
    LVM_BACKUPS = "lvm-backups.conf.j2",
    TGT_CONF = "tgt.conf.j2",
    NODE_RECORD = "node.record.j2",
    NETWORK_LINK = "network.link.j2",
    NETWORK_RULES = "network.rules.j2",
    BOOT_COPY = "boot-copy.sh",
    BOOT_PUT = "boot-put.sh",
    BOOT_PROOF = "boot-proof.sh",
    HOLD_PLACE = "hold-place.sh",
    HOLD_EMPTY = "hold-empty.sh",
    HOLD_GRUB = "hold-grub.cfg.j2",
    FSCK = "fsck.sh",
    ARRAY_REPAIR = "array-repair.sh",
    TIDY = "tidy.sh",
}

/// Renders a template that is part of this program.
///
/// # Panics
/// Where the template names something that `values` does not have: a mistake of ours that every test would show.
pub(crate) fn render(template: &str, values: Value) -> String {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut text = env.render_str(template, values).expect("the template and its values belong together");
    // the engine drops the last line break of a template
    if template.ends_with('\n') && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A script that is put on a server and run there. `name`: of its file, and of its stamp.
pub(crate) fn job(
    layout: &Layout,
    title: impl Into<String>,
    name: impl Into<String>,
    script: &str,
    args: Vec<String>,
) -> Job {
    Job {
        title: title.into(),
        check: false,
        script: script.into(),
        args,
        dir: layout.run.clone(),
        name: name.into(),
        bytes: 0,
        leaves: Vec::new(),
    }
}
