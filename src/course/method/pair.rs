use crate::host::Side;
use crate::layout::Layout;
use crate::plan::Verify;
use crate::step::Chunks;

/// A volume and its copy.
pub(crate) struct Pair {
    /// `vg0/root`
    pub of: String,
    /// `None`: nothing that blkid(8) knows
    pub fstype: Option<String>,
    /// bytes
    pub size: u64,
    /// as device-mapper calls it, on old as on new
    pub volume: String,
    /// what lies on old's disks
    pub original: String,
    /// what lies on new's
    pub copy: String,
    /// who reads the copy
    pub read_on: Side,
    /// where not all was copied
    pub only: Option<Chunks>,
    /// bytes that were copied
    pub uses: u64,
    /// the file that says when it was
    pub since: String,
}

/// The file that says that copies differ, each way its own; `None`: they are not compared.
pub(crate) fn mark(layout: &Layout, which: &str) -> Option<String> {
    (layout.verify != Verify::Off).then(|| format!("{}/differs-{which}", layout.run))
}
