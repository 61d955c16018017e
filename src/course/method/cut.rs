use crate::course::book::Handle;

/// The cut through all volumes.
pub(crate) struct Cut {
    /// `None`: nothing is copied
    pub first: Option<Handle>,
    pub last: Handle,
    /// of each group that is mirrored
    pub groups: Vec<Vec<Handle>>,
}
