//! By what and by whom simulated servers are switched.

/// How a simulated server is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// by commands that work
    #[default]
    Command,
    /// by the person
    Manual,
    /// its commands fail
    Broken,
    /// whatever is done, it says `off`, and does nothing
    SaysOff,
    /// whatever is done, it says `on`, and does nothing
    SaysOn,
    /// it does what it is told, and says nothing that anybody understands
    Mute,
}

/// Who is there to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Person {
    /// does what they are asked to, and says what is so
    #[default]
    Truthful,
    /// says yes to everything, and does nothing
    Liar,
    /// says no to everything, and does nothing
    Unwilling,
    /// nobody answers
    Absent,
}
