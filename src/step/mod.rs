//! A step is the smallest reversible change to one server: observe, apply, undo.
//!
//! # A new kind of step
//!
//! A struct of plain data that implements [`Step`]. This one sets how eagerly old's kernel swaps:
//!
//! ```
//! use replant::host::{Act, HostError, Look, Output, Query, Side, Text};
//! use replant::step::{Seen, Step, Undo};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// How eagerly the kernel swaps. It is forgotten at the next boot.
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Swappiness {
//!     /// from 0 to 200: proc_sys_vm(5)
//!     value: u8,
//!     /// what it was when the facts were read
//!     was: u8,
//! }
//!
//! const PATH: &str = "/proc/sys/vm/swappiness";
//!
//! impl Step for Swappiness {
//!     fn title(&self) -> String {
//!         format!("swappiness {} (was {})", self.value, self.was)
//!     }
//!
//!     // The check before the acts, the proof after them, and the proof of undo. An answer that is not understood
//!     // is never `Absent`: somebody else's value stays as it is.
//!     fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
//!         let answer = on.ask(side, Query::file(PATH))?;
//!         let found = answer.file().unwrap_or_default().trim().to_string();
//!         Ok(match found.parse::<u8>() {
//!             Ok(value) if value == self.value => Seen::Present,
//!             Ok(value) if value == self.was => Seen::Absent,
//!             _ => Seen::Foreign(format!("swappiness is `{found}`")),
//!         })
//!     }
//!
//!     // Pure: the same commands are shown, reviewed and run.
//!     fn apply(&self) -> Vec<Act> {
//!         vec![Act::feed(["tee", PATH], Text::new(self.value.to_string()))]
//!     }
//!
//!     fn undo(&self) -> Undo {
//!         Undo::Acts(vec![Act::feed(["tee", PATH], Text::new(self.was.to_string()))])
//!     }
//! }
//!
//! // The worlds in which it is tested: one for each answer.
//! struct World(&'static str);
//!
//! impl Look for World {
//!     fn look(&self, _: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
//!         Ok(queries.iter().map(|_| Output::ok(format!("present\n{}\n", self.0))).collect())
//!     }
//! }
//!
//! let step = Swappiness { value: 0, was: 60 };
//! let seen = |world| step.observe(&World(world), Side::Old).unwrap();
//! assert_eq!(seen("60"), Seen::Absent);
//! assert_eq!(seen("0"), Seen::Present);
//! assert!(matches!(seen("10"), Seen::Foreign(_)), "somebody has set it since: nobody touches it");
//! assert!(matches!(seen(""), Seen::Foreign(_)), "no number is no answer");
//! ```
//!
//! Then, in this order: a file of its own in this folder and a line in `steps!` below; what it runs, in `src/sim`, which
//! panics on a command that it does not know; the chapter of [`crate::course`] that uses it; a table of worlds in
//! `tests/steps`. `CONTRIBUTING.md` goes through it.

use std::time::Duration;

use crate::facts::{Lv, Pv, Vg, lvm};
use crate::host::{Act, HostError, Look, Output, Query, Server, Side};

/// What `observe` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// nothing of it is there
    Absent,
    /// begun and not ended: applying again goes on from there
    Partial(String),
    /// some of it is there and the rest is blank, nothing of it is somebody else's. Ours can be taken back, and made
    /// again as long as it never was whole or is being taken back; what was whole once may hold data, so a person must
    /// look
    Remains(String),
    /// on its way by itself: there is nothing to do but to wait
    Underway(Progress),
    /// as described
    Present,
    /// something else is there, not made by us: nobody touches it
    Foreign(String),
}

/// How far long work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// what is going on, for people
    pub what: String,
    /// bytes done and bytes in all, where they are known
    pub bytes: Option<(u64, u64)>,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    Acts(Vec<Act>),
    /// there is nothing to take back, and why
    Nothing(&'static str),
}

/// How a step is marked in a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// `+` something new comes to be
    Create,
    /// `~` something changes
    Change,
    /// `!` data is destroyed
    Destroy,
    /// `?` something is made sure of, nothing changes
    Check,
}

pub trait Step {
    /// One line for people: what will be, not how.
    fn title(&self) -> String;

    fn mark(&self) -> Mark {
        Mark::Change
    }

    /// Looks whether it is so. Asked before apply, after apply and after undo. It lists and searches: a failing exit
    /// code is never taken for absence.
    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError>;

    /// What forbids the acts at this very moment, when going forward: asked after `observe` and right before them, so that
    /// what was true a stage ago is not taken for true now. Going back never asks.
    fn forbids(&self, _on: &dyn Look, _side: Side) -> Result<Option<String>, HostError> {
        Ok(None)
    }

    /// What to do so that `observe` sees [`Seen::Present`]; safe to do again after an interruption. Pure.
    fn apply(&self) -> Vec<Act>;

    /// What to do so that `observe` sees [`Seen::Absent`]; safe to do again after an interruption. Pure.
    fn undo(&self) -> Undo;

    /// For how long observing may disagree, without any progress, before it is a failure.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Its acts have it on its way when they return: where there is nothing of it then, it was there and is gone, and is
    /// not waited for.
    fn begun_by_its_acts(&self) -> bool {
        false
    }

    /// What was seen counts for good, whatever is seen later: it cannot be made good, and only going back is left.
    fn for_good(&self, _seen: &Seen) -> bool {
        false
    }

    /// How many times in a row `observe` must see [`Seen::Present`].
    fn confirmations(&self) -> u32 {
        1
    }

    /// Bytes that will be copied over the link.
    fn bytes(&self) -> u64 {
        0
    }
}

/// Makes the closed set of steps: for each the module, the variant, the conversion and the dispatch. The whole
/// vocabulary of a runbook stands in this one list.
macro_rules! steps {
    ($($(#[$doc:meta])* $module:ident :: $Type:ident),* $(,)?) => {
        $(pub(crate) mod $module; pub use $module::$Type;)*

        /// One step of a runbook, as data.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum StepKind { $($(#[$doc])* $Type($Type)),* }

        impl StepKind {
            pub fn as_step(&self) -> &dyn Step {
                match self { $(StepKind::$Type(step) => step),* }
            }
        }

        $(impl From<$Type> for StepKind {
            fn from(step: $Type) -> StepKind { StepKind::$Type(step) }
        })*
    };
}

pub(crate) mod ages;

pub use mirror::{How, dm_name};
pub use nothing_writes::Yet;
pub use partition_table::Partition;

steps! {
    // small things
    file::File,
    no_file::NoFile,
    hostname::Hostname,
    tunable::Tunable,
    service::Service,
    packages::Packages,
    purged::Purged,
    job::Job,
    initramfs::Initramfs,
    // new's disks
    wiped::Wiped,
    partition_table::PartitionTable,
    array::Array,
    assembled::Assembled,
    array_stopped::ArrayStopped,
    array_whole::ArrayWhole,
    // the link
    daemon::Daemon,
    tgt_export::TgtExport,
    tgt_gone::TgtGone,
    lio_export::LioExport,
    lio_gone::LioGone,
    iscsi_node::IscsiNode,
    login::Login,
    logout::Logout,
    // the mirror
    physical_volume::PhysicalVolume,
    group_member::GroupMember,
    mirror::Mirror,
    fresh_copies::FreshCopies,
    write_mostly::WriteMostly,
    in_sync::InSync,
    split::Split,
    inactive::Inactive,
    group_split::GroupSplit,
    // quiet
    let_go::LetGo,
    same_boot::SameBoot,
    remount::Remount,
    swap_off::SwapOff,
    nothing_writes::NothingWrites,
    writes_counted::WritesCounted,
    flushed::Flushed,
    still_quiet::StillQuiet,
    // changing servers
    power_ready::PowerReady,
    old_off::OldOff,
    old_is_off::OldIsOff,
    own_boot::OwnBoot,
    identity::Identity,
    // the volumes on new
    group_name::GroupName,
    volume_name::VolumeName,
    volume::Volume,
    swap_space::SwapSpace,
    active::Active,
    mount::Mount,
    unmounted::Unmounted,
    pv_size::PvSize,
    volume_size::VolumeSize,
    fs_size::FsSize,
}

/// For LVM on a file system that is read-only: no copy of the metadata is written under /etc/lvm. lvm.conf(5)
pub(crate) const NO_ARCHIVE: &str = "backup{backup=0 archive=0}";

/// The answer to a query that does not fail on a working system.
fn answered(on: &dyn Look, side: Side, query: Query) -> Result<Output, HostError> {
    let command = match &query {
        Query::Run(argv) => argv.join(" "),
        Query::Power(_) | Query::Control(_) => "power".into(),
    };
    let answer = on.ask(side, query)?;
    if answer.success() {
        Ok(answer)
    } else {
        Err(HostError::Unclear {
            side,
            command,
            cause: format!("exit code {}: {}", answer.code, answer.stderr.trim()),
        })
    }
}

fn parsed<T, E: std::fmt::Display>(side: Side, command: &str, result: Result<T, E>) -> Result<T, HostError> {
    result.map_err(|error| HostError::Unclear { side, command: command.into(), cause: error.to_string() })
}

fn lvs(on: &dyn Look, side: Side) -> Result<Vec<Lv>, HostError> {
    parsed(side, "lvs", lvm::parse_lvs(&answered(on, side, lvm::lvs_query())?.stdout))
}

fn vgs(on: &dyn Look, side: Side) -> Result<Vec<Vg>, HostError> {
    parsed(side, "vgs", lvm::parse_vgs(&answered(on, side, lvm::vgs_query())?.stdout))
}

fn pvs(on: &dyn Look, side: Side) -> Result<Vec<Pv>, HostError> {
    parsed(side, "pvs", lvm::parse_pvs(&answered(on, side, lvm::pvs_query())?.stdout))
}

/// `on`, `off` or `unknown`, and why.
fn power(on: &dyn Look, server: Server) -> Result<(String, String), HostError> {
    let answer = on.ask(switched_on(server), Query::Power(server))?;
    Ok((answer.stdout.trim().to_string(), answer.stderr.trim().to_string()))
}

/// Power is asked of no system; the side is for the errors.
fn switched_on(server: Server) -> Side {
    match server {
        Server::Old => Side::Old,
        Server::New => Side::New,
    }
}

/// Said where old has run since the cut.
const LOST: &str = "what old has written since is not on new. Go back with `replant rollback`, and begin again";

/// What cannot be made good: see [`Step::for_good`].
fn lost(seen: &Seen) -> bool {
    matches!(seen, Seen::Foreign(what) if what.contains(LOST))
}

/// Why new must not come up with old's name and addresses. Where old answers it serves, and what it writes is not on new.
fn old_may_run(on: &dyn Look) -> Result<Option<String>, HostError> {
    let Some(why) = old_is_on(on)? else { return Ok(None) };
    Ok(Some(match on.ask(Side::Old, Query::run(["cat", "/proc/sys/kernel/random/boot_id"])) {
        Ok(_) => format!("old has been booted since it was switched off: {LOST}"),
        Err(_) => {
            format!("{why}. If it has booted by then, go back with `replant rollback`: what it wrote is not on new")
        }
    }))
}

/// Why new must not stay up with old's name and addresses.
fn old_is_on(on: &dyn Look) -> Result<Option<String>, HostError> {
    let (state, why) = power(on, Server::Old)?;
    Ok(match state.as_str() {
        "off" => None,
        "on" => Some(format!(
            "old is on ({why}), and must not be while new has its name and addresses. Switch old off, then go on"
        )),
        _ => Some(format!("old is not known to be off. {why} See that it is off, then go on")),
    })
}

/// A line of /proc/self/mounts.
struct Mounted {
    target: String,
    fstype: String,
}

fn mounts_query() -> Query {
    Query::file("/proc/self/mounts")
}

fn mounts(on: &dyn Look, side: Side) -> Result<Vec<Mounted>, HostError> {
    Ok(parse_mounts(answered(on, side, mounts_query())?.file().unwrap_or_default()))
}

/// proc(5)
fn parse_mounts(table: &str) -> Vec<Mounted> {
    let line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        Some(Mounted {
            // blanks in a mount point are written as octal
            target: words.next()?.replace("\\040", " "),
            fstype: words.next()?.to_string(),
        })
    };
    table.lines().filter_map(line).collect()
}

/// What stands on a device, by what is written there and not by what udev remembers: wipefs(8).
fn signatures(on: &dyn Look, side: Side, device: &str) -> Result<Vec<String>, HostError> {
    Ok(signature_list(&answered(on, side, Query::run(["wipefs", "--json", device]))?.stdout))
}

/// The types in wipefs' JSON; it prints nothing at all for an empty device.
fn signature_list(json: &str) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let all = value["signatures"].as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|signature| signature["type"].as_str().map(str::to_string)).collect()
}

/// `MD_UUID` out of what mdadm(8) `--export` prints.
fn md_uuid(export: &str) -> Option<&str> {
    export.lines().find_map(|line| line.strip_prefix("MD_UUID="))
}
