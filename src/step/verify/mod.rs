//! The copies are compared with the originals while nothing writes: what the kernel says of them is not the last word.

pub(crate) mod hashed;
pub(crate) mod same_copies;
pub(crate) mod state;
