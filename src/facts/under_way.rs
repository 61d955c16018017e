//! Migrations that a server knows to be under way on it: what `host/trail.rs` has left there.

use std::path::Path;

use crate::host::RunMark;
use crate::host::ssh::quote;

/// Those of what a server keeps in memory and of what outlives its boot: whatever keeps another migration from acting there
/// (`Trail::may_act`). Each is told once, by what is known last; one that is over, or that cannot be read, is none.
pub fn of<'a>(seen: impl IntoIterator<Item = &'a str>) -> Vec<RunMark> {
    let mut marks: Vec<RunMark> = Vec::new();
    for mark in seen.into_iter().filter_map(RunMark::parse).filter(|mark| !mark.over) {
        match marks.iter_mut().find(|known| known.id == mark.id) {
            Some(known) if (known.line, known.at) < (mark.line, mark.at) => *known = mark,
            Some(_) => {}
            None => marks.push(mark),
        }
    }
    marks
}

/// The commands that go on with it and that go back, on the machine where its directory is.
pub fn commands(mark: &RunMark) -> Option<[String; 2]> {
    let dir = Path::new(&mark.dir);
    let all = dir.parent().filter(|_| dir.is_absolute())?.to_str()?;
    let name = dir.file_name()?.to_str()?;
    let runbook = format!("{}/runbook.json", mark.dir);
    let command = |words: [&str; 2]| {
        let words = ["replant", words[0], words[1], "--dir", all];
        quote(&words.map(String::from))
    };
    Some([command(["apply", &runbook]), command(["rollback", name])])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: &str, line: usize, over: bool) -> String {
        let over = if over { r#","over":true"# } else { "" };
        format!(
            "run\n{{\"migration\":\"srv1\",\"id\":\"{id}\",\"made\":\"2026-11-22T11:00:00Z\",\"line\":{line},\"sum\":\"00\",\
             \"by\":\"anna@desk\",\"dir\":\"/home/anna/my work/srv1\",\"at\":\"2026-11-22T11:00:0{line}Z\"{over}}}\n"
        )
    }

    #[test]
    fn the_last_that_is_known_of_each() {
        let told = |seen: &[&str]| -> Vec<(String, usize)> {
            of(seen.iter().copied()).into_iter().map(|mark| (mark.id, mark.line)).collect()
        };
        let [early, late, end] = [mark("a", 3, false), mark("a", 5, false), mark("a", 6, true)];
        assert_eq!(told(&["", ""]), []);
        assert_eq!(told(&[&early, &late]), [("a".into(), 5)]);
        assert_eq!(told(&[&late, &early]), [("a".into(), 5)]);
        // what acts have left since
        assert_eq!(told(&[&format!("{early}run 9 00\n"), &late]), [("a".into(), 9)]);
        assert_eq!(told(&[&end, ""]), []);
        // the end could not be written where it outlives a boot: no other migration may act
        assert_eq!(told(&[&end, &late]), [("a".into(), 5)]);
        assert_eq!(told(&[&end, &mark("b", 1, false)]), [("b".into(), 1)]);
        assert_eq!(told(&["run\n{\"mig", "somebody's\n"]), []);
    }

    #[test]
    fn commands_are_quoted_and_only_for_a_place_that_is_known() {
        let mut mark = RunMark::parse(&mark("a", 1, false)).unwrap();
        assert_eq!(
            commands(&mark).unwrap(),
            [
                "replant apply '/home/anna/my work/srv1/runbook.json' --dir '/home/anna/my work'",
                "replant rollback srv1 --dir '/home/anna/my work'",
            ]
        );
        mark.dir = ".replant/srv1".into();
        assert_eq!(commands(&mark), None);
    }
}
