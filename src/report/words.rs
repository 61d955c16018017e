//! Sizes, times and acts in words.

use std::time::Duration;

use crate::course::power_control;
use crate::host::Act;
use crate::host::ssh::{brief, quote};
use crate::plan::Plan;
use crate::step::Mark;

/// `1.6 GiB`
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 h 02 min`, `3 min 05 s`, `4.2 s`
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// An estimated time, no finer than it is known: `38 s`, `3 min 50 s`, `12 min`, `1 h 40 min`
pub(crate) fn about(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    let tens = (seconds / 10.0).round() as u64;
    match seconds {
        0.0..100.0 => format!("{} s", seconds.ceil()),
        100.0..600.0 => format!("{} min {:02} s", tens / 6, tens % 6 * 10),
        100.0..6000.0 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

/// An act in passing: a script in its arguments is cut short.
pub(crate) fn brief_act(one: &Act) -> String {
    match one {
        Act::Run { argv, .. } => brief(argv),
        other => act(other),
    }
}

/// What a step does to what is there, in one character.
pub(super) fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Create => "+",
        Mark::Change => "~",
        Mark::Destroy => "!",
        Mark::Check => "?",
    }
}

/// What is done to switch a server: the commands that run here, or a person.
pub(super) fn switching(plan: &Plan, one: &Act) -> Vec<String> {
    let Act::Power { server, to, .. } = one else { return Vec::new() };
    match power_control(plan, *server).switching(*to) {
        none if none.is_empty() => vec!["by hand: a person is asked to do it, and to say so".into()],
        commands => commands.iter().map(|argv| format!("$ {}", quote(argv))).collect(),
    }
}

/// An act as a line that a person could type. Texts that are fed or written are shown apart.
pub(crate) fn act(act: &Act) -> String {
    match act {
        Act::Run { argv, stdin, long } => {
            let feed = if stdin.is_some() { "  < (text below)" } else { "" };
            let long = if *long { "  (detached: it outlives the connection)" } else { "" };
            format!("{}{feed}{long}", quote(argv))
        }
        Act::Put { path, mode: Some(mode), text } => {
            format!("write {path}  mode {mode:04o}, {} bytes", text.0.len())
        }
        Act::Put { path, mode: None, text } => {
            format!("write {path}  mode and owner as before, {} bytes", text.0.len())
        }
        Act::Remove { path } => format!("rm -f {path}"),
        Act::Power { server, to, alone } => {
            let to = match to {
                crate::host::PowerTo::Off => "off",
                crate::host::PowerTo::On => "on",
                crate::host::PowerTo::OwnDisks => "off and on, booting from its own disks",
            };
            let alone = if *alone { format!("  (only while {} is off)", server.other()) } else { String::new() };
            format!("power {server} {to}{alone}")
        }
    }
}
