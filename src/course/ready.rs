//! What stands when the stage `prepare` is over, for the chapters behind it.

use super::book::Handle;

/// What stands on new, in its rescue system.
pub(super) struct Rescued {
    /// LVM on new sees nothing that is not its own
    pub isolated: Handle,
    /// where there are arrays: the name that they are made under
    pub named: Option<Handle>,
    /// in the order of the layout's stores
    pub stores: Vec<Handle>,
    /// in the order of the layout's groups: the last of its volumes, where it has some from the beginning
    pub own: Vec<Option<Handle>>,
    /// what of those holds until the groups are closed again
    pub volumes: Vec<Handle>,
    /// where there are arrays, and the copy begins in rescue
    pub throttled: Option<Handle>,
}

/// Both servers are ready for what is coming.
pub(super) struct Ready {
    /// LVM on new sees nothing
    pub isolated: Handle,
    /// in the order of the layout's stores
    pub stores: Vec<Handle>,
    /// of each group, in the order of the layout: its volumes on new stand, where they do so from the beginning
    pub own: Vec<Option<Handle>>,
    /// what of those holds until the groups are closed again
    pub volumes: Vec<Handle>,
    /// where there are arrays
    pub throttled: Option<Handle>,
    /// old can log in to targets
    pub initiator: Handle,
    /// old comes back by itself if it reboots while mirrored, and can boot on new
    pub portable: Handle,
    /// what was done already, where new boots first: udev's links were kept, /boot's disk was logged in to, timers are
    /// held, and the boot file system was copied
    pub shy: Option<Handle>,
    pub boot_login: Option<Handle>,
    pub timers: Option<Handle>,
    pub boot: Option<Handle>,
}
