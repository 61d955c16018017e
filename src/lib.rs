

pub mod plan;
