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
//! Then, in this order: a file in the folder of its topic, with its `mod` there, and a line in `steps!` below; what it runs, in `src/sim`, which
//! panics on a command that it does not know; the chapter of [`crate::course`] that uses it; a table of worlds in
//! `tests/steps`. `CONTRIBUTING.md` goes through it.

/// Makes the closed set of steps: for each where it is, the variant, the conversion and the dispatch. The whole
/// vocabulary of a runbook stands in this one list.
macro_rules! steps {
    ($($(#[$doc:meta])* $room:ident :: $module:ident :: $Type:ident),* $(,)?) => {
        $(pub use $room::$module::$Type;)*

        /// One step of a runbook, as data.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        #[allow(missing_docs, reason = "what is said of a struct is said of its variant")]
        pub enum StepKind { $($(#[$doc])* $Type($Type)),* }

        impl StepKind {
            /// What is inside, as what every step is.
            pub fn as_step(&self) -> &dyn Step {
                match self { $(StepKind::$Type(step) => step),* }
            }
        }

        $(impl From<$Type> for StepKind {
            fn from(step: $Type) -> StepKind { StepKind::$Type(step) }
        })*
    };
}

pub(crate) mod ask;
pub(crate) mod below;
mod contract;
pub(crate) mod copy;
pub(crate) mod disks;
pub(crate) mod hold;
pub(crate) mod link;
pub(crate) mod quiet;
pub(crate) mod saved;
mod stamped;
pub(crate) mod system;
pub(crate) mod takeover;
mod touched;
pub(crate) mod verify;
pub(crate) mod volumes;

use ask::{
    LOST, NO_ARCHIVE, answered, gone, lost, lvs, md_uuid, mounts, mounts_query, old_is_on, old_may_run, parse_mounts,
    parsed, power, pvs, signature_list, signatures, switched_on, vgs,
};
pub use contract::{Mark, Progress, Seen, Step, Undo};
pub use touched::{Compared, Touched};

pub use copy::mirror::How;
pub(crate) use copy::mirror::dm_name;
pub(crate) use copy::physical_volume::by_label;
pub use disks::partition_table::Partition;
pub use hold::release::Release;
pub use quiet::dead_man::{Restored, WasSo};
pub use quiet::nothing_writes::Yet;
pub use verify::hashed::{Chunks, Half};

steps! {
    // what any system has
    system::file::File,
    system::no_file::NoFile,
    system::hostname::Hostname,
    system::tunable::Tunable,
    system::service::Service,
    system::packages::Packages,
    system::purged::Purged,
    system::job::Job,
    system::initramfs::Initramfs,
    // new's disks
    disks::wiped::Wiped,
    disks::partition_table::PartitionTable,
    disks::array::Array,
    disks::assembled::Assembled,
    disks::array_stopped::ArrayStopped,
    disks::array_whole::ArrayWhole,
    disks::boot_loader::BootLoader,
    // the link
    link::daemon::Daemon,
    link::tgt_export::TgtExport,
    link::tgt_gone::TgtGone,
    link::lio_export::LioExport,
    link::lio_gone::LioGone,
    link::iscsi_node::IscsiNode,
    link::login::Login,
    link::logout::Logout,
    // the copy
    copy::physical_volume::PhysicalVolume,
    copy::group_member::GroupMember,
    copy::mirror::Mirror,
    copy::fresh_copies::FreshCopies,
    copy::write_mostly::WriteMostly,
    copy::in_sync::InSync,
    copy::split::Split,
    copy::inactive::Inactive,
    copy::group_split::GroupSplit,
    // the copy below LVM
    below::ram_disk::RamDisk,
    below::fresh_legs::FreshLegs,
    below::beneath::Beneath,
    below::in_step::InStep,
    below::table_back::TableBack,
    below::at_rest::AtRest,
    below::unwritten::Unwritten,
    // quiet
    quiet::dead_man::DeadMan,
    quiet::dead_man_off::DeadManOff,
    quiet::let_go::LetGo,
    quiet::same_boot::SameBoot,
    quiet::remount::Remount,
    quiet::swap_off::SwapOff,
    quiet::nothing_writes::NothingWrites,
    quiet::writes_counted::WritesCounted,
    quiet::flushed::Flushed,
    quiet::still_quiet::StillQuiet,
    // compared
    verify::hashed::Hashed,
    verify::same_copies::SameCopies,
    // the takeover
    takeover::power_ready::PowerReady,
    takeover::old_off::OldOff,
    takeover::old_is_off::OldIsOff,
    takeover::own_boot::OwnBoot,
    takeover::identity::Identity,
    // new waits
    hold::image::HoldImage,
    hold::into_hold::IntoHold,
    hold::kernel_there::KernelThere,
    hold::rehearsal::Rehearsal,
    hold::held_again::HeldAgain,
    // the volumes on new
    volumes::own_group::OwnGroup,
    volumes::group_name::GroupName,
    volumes::volume_name::VolumeName,
    volumes::volume::Volume,
    volumes::swap_space::SwapSpace,
    volumes::active::Active,
    volumes::fs_check::FsCheck,
    volumes::boot_proof::BootProof,
    volumes::mount::Mount,
    volumes::unmounted::Unmounted,
    volumes::pv_size::PvSize,
    volumes::volume_size::VolumeSize,
    volumes::fs_size::FsSize,
}
