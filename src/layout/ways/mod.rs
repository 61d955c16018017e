//! The ways that are shorter and safer, and what keeps a migration from them. Where the plan leaves it open, they are chosen
//! unless something does; where the plan asks for them, `findings` says what does.

pub(crate) mod below;
pub(crate) mod held;
mod obstacle;
pub(crate) mod place;
mod used;

pub(crate) use below::method;
pub(crate) use held::boot;
pub(crate) use obstacle::Obstacle;
pub(crate) use used::{copied_whole, used};
