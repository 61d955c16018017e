//! The groups and volumes by the names that they had on old.

use crate::course::book::{Book, Handle};
use crate::course::method;
use crate::layout::Layout;

pub(super) struct Named {
    pub last: Handle,
    /// what holds until the groups are closed again
    pub volumes: Vec<Handle>,
}

pub(super) fn write(book: &mut Book, layout: &Layout, after: &Handle) -> Named {
    let mut last = after.clone();
    let mut volumes = Vec::new();
    for group in &layout.groups {
        last = method::adopt(book, group, &mut volumes, &last);
    }
    Named { last, volumes }
}
