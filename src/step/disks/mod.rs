//! The disks of the new server: emptied, partitioned, made into arrays.

pub(crate) mod array;
pub(crate) mod array_stopped;
pub(crate) mod array_whole;
pub(crate) mod assembled;
pub(crate) mod boot_loader;
pub(crate) mod partition_table;
pub(crate) mod wiped;
