/// Bytes.
pub(crate) const MIB: u64 = 1 << 20;
