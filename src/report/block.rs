//! The lines of the live block, made to fit: what tells how long it will take is the last to go.

use std::time::Duration;

use super::screen::cut;
use super::{about, bytes, duration};
use crate::runbook::Stage;

/// How far the run as a whole is.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub stage: Option<Stage>,
    pub done: usize,
    pub steps: usize,
    pub elapsed: Duration,
    /// estimated, in seconds
    pub left: Option<f64>,
}

/// A step that is under way.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub title: String,
    pub elapsed: Duration,
    pub copying: Option<Copying>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Copying {
    pub done: u64,
    pub total: u64,
    /// bytes in a second, once it is known
    pub rate: Option<f64>,
}

impl Copying {
    pub(crate) fn amounts(&self) -> String {
        format!("{} of {}", bytes(self.done), bytes(self.total))
    }

    pub(super) fn percent(&self) -> String {
        format!("{:.1} %", self.done as f64 * 100.0 / self.total.max(1) as f64)
    }

    /// `110.2 MiB/s  58 min left`
    pub(super) fn speed(&self) -> [String; 2] {
        match self.rate.filter(|rate| *rate >= 1.0) {
            Some(rate) => [format!("{}/s", bytes(rate as u64)), format!("{} left", about(self.left() as f64 / rate))],
            None => ["measuring the rate".into(), String::new()],
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.total.saturating_sub(self.done)
    }
}

const INDENT: &str = "  ";
const LONGEST_BAR: usize = 30;
const SHORTEST_BAR: usize = 5;
/// So much of a title is worth its room.
const SHORTEST_TITLE: usize = 8;

fn length(text: &str) -> usize {
    text.chars().count()
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("  ")
}

pub(super) fn head(head: &Head, width: usize) -> String {
    let stage = head.stage.map_or(String::new(), |stage| stage.to_string());
    // the one that is under way, counted from 1
    let step = format!("step {} of {}", (head.done + 1).min(head.steps), head.steps);
    let elapsed = duration(head.elapsed);
    let left = head.left.map_or(String::new(), |left| format!("about {} left", about(left)));
    let all = [
        joined(&[&stage, &step, &elapsed, &left]),
        joined(&[&stage, &step, &left]),
        joined(&[&step, &left]),
        joined(&[&left]),
    ];
    let fits = all.iter().find(|line| length(line) <= width && !line.is_empty());
    fits.cloned().unwrap_or_else(|| cut(&all[2], width))
}

pub(super) fn row(row: &Row, width: usize) -> String {
    let Some(copying) = &row.copying else {
        let elapsed = duration(row.elapsed);
        let room = width.saturating_sub(length(&elapsed) + INDENT.len() + 2);
        return format!("{INDENT}{}  {elapsed}", cut(&row.title, room));
    };
    let (amounts, percent, [rate, left]) = (copying.amounts(), copying.percent(), copying.speed());
    let title = row.title.as_str();
    let room = |line: &str| (width).checked_sub(INDENT.len() + length(line));
    // the bar shrinks first, then it goes; then the amounts; then the end of the title, the percent, and the title
    if let Some(free) = room(&joined(&[title, &amounts, &percent, &rate, &left]))
        && free >= SHORTEST_BAR + 4
    {
        let columns = (free - 4).min(LONGEST_BAR);
        let full = (copying.done as f64 / copying.total.max(1) as f64 * columns as f64).round() as usize;
        let full = full.min(columns);
        let bar = match full == columns {
            true => "=".repeat(columns),
            false => format!("{}>{}", "=".repeat(full), " ".repeat(columns - full - 1)),
        };
        return format!("{INDENT}{}", joined(&[title, &format!("[{bar}]"), &amounts, &percent, &rate, &left]));
    }
    for tail in
        [joined(&[&amounts, &percent, &rate, &left]), joined(&[&percent, &rate, &left]), joined(&[&rate, &left])]
    {
        let free = room(&tail).and_then(|free| free.checked_sub(2)).unwrap_or(0);
        let amounts_and_all = tail.starts_with(&amounts);
        if free >= length(title) || !amounts_and_all && free >= SHORTEST_TITLE {
            return format!("{INDENT}{}  {tail}", cut(title, free));
        }
    }
    cut(&format!("{INDENT}{}", joined(&[&rate, &left])), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(rate: Option<f64>) -> Row {
        let copying = Copying { done: 48 << 30, total: 405 << 30, rate };
        Row { title: "mirror vg0/var".into(), elapsed: Duration::from_secs(400), copying: Some(copying) }
    }

    #[test]
    fn rate_and_time_are_there_at_every_width() {
        for (width, shown) in [
            (
                120,
                "  mirror vg0/var  [====>                         ]  48.0 GiB of 405.0 GiB  11.9 %  110.2 MiB/s  55 min left",
            ),
            (90, "  mirror vg0/var  [==>          ]  48.0 GiB of 405.0 GiB  11.9 %  110.2 MiB/s  55 min left"),
            (80, "  mirror vg0/var  48.0 GiB of 405.0 GiB  11.9 %  110.2 MiB/s  55 min left"),
            (60, "  mirror vg0/var  11.9 %  110.2 MiB/s  55 min left"),
            (40, "  mirror vg0/…  110.2 MiB/s  55 min left"),
            (25, "  110.2 MiB/s  55 min le…"),
        ] {
            assert_eq!(row(&mirror(Some(115_552_000.0)), width), shown, "{width}");
        }
        for width in 1..200 {
            for rate in [None, Some(0.0), Some(115_552_000.0)] {
                let line = row(&mirror(rate), width);
                assert!(length(&line) <= width.max(5), "{width}: {line}");
            }
        }
        assert_eq!(
            row(&mirror(None), 80),
            "  mirror vg0/var  [=>       ]  48.0 GiB of 405.0 GiB  11.9 %  measuring the rate"
        );
    }

    #[test]
    fn a_step_without_bytes_tells_how_long_it_takes() {
        let of = |title: &str| Row { title: title.into(), elapsed: Duration::from_secs(12), copying: None };
        assert_eq!(row(&of("physical volume on md1 on new"), 80), "  physical volume on md1 on new  12 s");
        assert_eq!(row(&of("physical volume on md1 on new"), 20), "  physical vo…  12 s");
    }

    #[test]
    fn how_far_it_is_as_a_whole() {
        let of = Head {
            stage: Some(Stage::Copy),
            done: 44,
            steps: 85,
            elapsed: Duration::from_secs(725),
            left: Some(3480.0),
        };
        for (width, shown) in [
            (120, "copy  step 45 of 85  12 min 05 s  about 58 min left"),
            (60, "copy  step 45 of 85  12 min 05 s  about 58 min left"),
            (40, "copy  step 45 of 85  about 58 min left"),
            (36, "step 45 of 85  about 58 min left"),
            (10, "step 45 o…"),
        ] {
            assert_eq!(head(&of, width), shown, "{width}");
        }
        assert_eq!(head(&Head { left: None, stage: None, ..of }, 80), "step 45 of 85  12 min 05 s");
    }
}
