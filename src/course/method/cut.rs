use crate::course::book::Handle;

/// The cut through all volumes.
pub(crate) struct Cut {
    /// `None`: nothing is copied
    pub first: Option<Handle>,
    pub last: Vec<Handle>,
    /// of each group that is mirrored
    pub groups: Vec<Vec<Handle>>,
}

impl Cut {
    /// Where one comes after the other.
    pub(super) fn after(&self) -> Vec<&Handle> {
        self.last.iter().collect()
    }
}
