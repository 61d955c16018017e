//! A step is the smallest reversible change to one server: observe, apply, undo.

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
