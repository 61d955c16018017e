//! What to do with a step, from what is seen of it and what the journal says. All of it stands in these two tables.

use crate::journal::{Event, Status};
use crate::step::Seen;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// it was there before us: say so once
    Adopt,
    /// nothing to do and nothing to record
    Already,
    /// nothing to do but to look until it agrees
    Settle(Option<Event>),
    /// record this first, then act
    Act(Option<Event>),
    /// touch nothing
    Refuse(String),
}

/// Forward. *Began* makes a step ours: where it is not, it is only ever recorded after seeing that nothing is there.
/// A step that only `looks` makes nothing, so nothing can be somebody else's: it waits.
pub(super) fn apply(seen: &Seen, status: Status, looks: bool) -> Next {
    let ours = status.ours();
    // What was done and is lost again is begun again, so that the journal does not call it done meanwhile. One that is
    // resumed keeps its beginning, which is when it began.
    let begin = (status != Status::Began).then_some(Event::Began);
    match seen {
        Seen::Foreign(what) => Next::Refuse(what.clone()),
        Seen::Present if status == Status::Adopted || status == Status::Done => Next::Already,
        Seen::Present if ours => Next::Settle(None),
        Seen::Present => Next::Adopt,
        Seen::Absent => Next::Act(begin),
        Seen::Partial(_) if ours || looks => Next::Act(begin),
        Seen::Partial(what) => Next::Refuse(format!("half there, and not made by this migration: {what}")),
        // nothing stands on it yet, or any more
        Seen::Remains(_) if matches!(status, Status::Began | Status::Failed | Status::UndoBegan) => Next::Act(begin),
        Seen::Remains(what) if ours => Next::Refuse(format!("it was whole, and now {what}")),
        Seen::Remains(what) => Next::Refuse(what.clone()),
        Seen::Underway(_) if ours || looks => Next::Settle(begin),
        Seen::Underway(on) => Next::Refuse(format!("under way, and not begun by this migration: {}", on.what)),
    }
}

/// Backward; only asked of steps that are ours. The change of servers is taken back by doing it, even where old is on
/// already: that says nothing of new, and both must never be up. Of several acts (`many`) the first may have been the one
/// that made it absent: where an earlier run was ended among them, all are done again.
pub(super) fn undo(seen: &Seen, status: Status, fence: bool, many: bool) -> Next {
    match seen {
        Seen::Absent if many && status == Status::UndoBegan => Next::Act(None),
        Seen::Absent if !fence => Next::Settle(None),
        Seen::Foreign(what) => Next::Refuse(what.clone()),
        _ => Next::Act((status != Status::UndoBegan).then_some(Event::UndoBegan)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Progress;

    const ALL: [Status; 7] = [
        Status::New,
        Status::Adopted,
        Status::Began,
        Status::Done,
        Status::Failed,
        Status::UndoBegan,
        Status::Undone,
    ];

    fn sights() -> [Seen; 6] {
        let progress = Progress { what: "x".into(), bytes: None };
        let [partial, remains, foreign] = [Seen::Partial, Seen::Remains, Seen::Foreign].map(|kind| kind("x".into()));
        [Seen::Absent, partial, remains, Seen::Underway(progress), Seen::Present, foreign]
    }

    /// The laws of ownership, over the whole of both tables.
    #[test]
    fn nothing_is_made_ours_or_touched_that_is_not() {
        for status in ALL {
            for seen in sights() {
                // looking changes nothing about what is refused and what is adopted
                if matches!(seen, Seen::Present | Seen::Absent | Seen::Foreign(_)) {
                    assert_eq!(apply(&seen, status, true), apply(&seen, status, false));
                }
                let next = apply(&seen, status, false);
                let touches = matches!(next, Next::Act(_));
                let records = matches!(next, Next::Act(Some(Event::Began)) | Next::Settle(Some(Event::Began)));
                assert!(!records || status.ours() || seen == Seen::Absent, "{seen:?} {status:?}");
                assert!(!touches || status.ours() || seen == Seen::Absent, "{seen:?} {status:?}");
                // whoever acts has a beginning in the journal, an old one or a new one
                assert!(!touches || records || status == Status::Began, "{seen:?} {status:?}");
                if let Seen::Foreign(_) = seen {
                    assert!(matches!(next, Next::Refuse(_)));
                    assert!(matches!(undo(&seen, status, false, false), Next::Refuse(_)));
                }
                assert_eq!(next == Next::Adopt, seen == Seen::Present && !status.ours() && status != Status::Adopted);
            }
        }
    }
    /// What is half there: a thing that was whole once is not made again over what may be left of its data; whatever is
    /// ours can be taken back.
    #[test]
    fn half_of_what_was_whole_is_not_made_again() {
        let half = Seen::Remains("1 of 2".into());
        for status in ALL {
            let acts = matches!(apply(&half, status, false), Next::Act(_));
            let never_whole = matches!(status, Status::Began | Status::Failed | Status::UndoBegan);
            assert_eq!(acts, never_whole, "{status:?}");
            assert!(!status.ours() || matches!(undo(&half, status, false, false), Next::Act(_)), "{status:?}");
        }
    }
}
