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
mod ask;
mod contract;

use ask::{
    LOST, NO_ARCHIVE, answered, lost, lvs, md_uuid, mounts, mounts_query, old_is_on, old_may_run, parse_mounts,
    parsed, power, pvs, signature_list, signatures, switched_on, vgs,
};
pub use contract::{Mark, Progress, Seen, Step, Undo};

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
