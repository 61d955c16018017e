//! Old falls quiet: what writes is stopped, and nothing is left that could.

pub(crate) mod dead_man;
pub(crate) mod dead_man_off;
pub(crate) mod flushed;
pub(crate) mod let_go;
pub(crate) mod nothing_writes;
pub(crate) mod remount;
pub(crate) mod same_boot;
pub(crate) mod still_quiet;
pub(crate) mod swap_off;
pub(crate) mod writes_counted;
