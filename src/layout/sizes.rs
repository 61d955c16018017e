/// Bytes.
pub const MIB: u64 = 1 << 20;
