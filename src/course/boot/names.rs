//! The groups and volumes by the names that they had on old.

use crate::course::book::{Book, Handle};
use crate::course::method;
use crate::layout::Layout;

pub(super) struct Named {
    /// what comes next waits for these
    pub last: Vec<Handle>,
    /// what holds until the groups are closed again
    pub volumes: Vec<Handle>,
}

pub(super) fn write(book: &mut Book, layout: &Layout, mut last: Vec<Handle>) -> Named {
    let mut volumes = Vec::new();
    for group in &layout.groups {
        let after: Vec<&Handle> = last.iter().collect();
        last = method::adopt(book, group, &mut volumes, &after).map_or(last, |adopted| vec![adopted]);
    }
    Named { last, volumes }
}
