//! The volumes on new: their names and sizes, filesystems, where they are mounted.

pub(crate) mod active;
pub(crate) mod boot_proof;
pub(crate) mod fs_check;
pub(crate) mod fs_size;
pub(crate) mod group_name;
pub(crate) mod mount;
pub(crate) mod own_group;
pub(crate) mod pv_size;
pub(crate) mod swap_space;
pub(crate) mod unmounted;
pub(crate) mod volume;
pub(crate) mod volume_name;
pub(crate) mod volume_size;
