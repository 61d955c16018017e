//! The scenarios, and how they are run one after the other.

mod held;
mod migrate;
mod migrated;
mod mishaps;
mod refusals;
mod rehearsal;
mod rollback;
mod used;

use crate::checks::Checks;
use crate::pair::Pair;
use crate::picture::{self, Picture};
use crate::workspace::Lab;
use crate::{Fallible, fail, say};

/// A scenario, and how it is told apart from the others.
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    run: fn(&mut Bench) -> Fallible<()>,
}

/// In this order: later ones use what earlier ones leave, and make it themselves if they run alone.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "migrate",
        about: "the whole migration, with `replant` killed in the middle of the copy; then again with a disk missing",
        run: migrate::whole,
    },
    Scenario {
        name: "rollback-after-cutover",
        about: "back to the old server after the new one has served",
        run: rollback::after_cutover,
    },
    Scenario {
        name: "rollback-mid-copy",
        about: "interrupted in the middle of the copy, then back: both servers as they were found",
        run: rollback::mid_copy,
    },
    Scenario {
        name: "back-and-forth",
        about: "killed right behind the cut; back, killed on the way; forward to the end of the copy; back",
        run: rollback::back_and_forth,
    },
    Scenario {
        name: "refusals",
        about: "wrong plans, wrong hosts, wrong disks, a stale runbook: each refused, and nothing changed",
        run: refusals::all,
    },
    Scenario {
        name: "mishaps",
        about: "old loses its power in the middle of the copy; then the link is gone for a minute; then new loses its power",
        run: mishaps::in_mid_copy,
    },
    Scenario {
        name: "raid1-lio",
        about: "a volume group with free extents (raid1), a rescue system without tgt (the kernel's target)",
        run: migrate::raid1_lio,
    },
    Scenario {
        name: "below",
        about: "the whole migration with the copy below LVM, with `replant` killed in the middle of the copy",
        run: migrate::below,
    },
    Scenario {
        name: "used",
        about: "what is in use is copied below LVM, under heavy writing; the copy starts over, the link is lost",
        run: used::under_load,
    },
    Scenario {
        name: "held",
        about: "new waits in its own initramfs before anything is copied, the copy lies below LVM; beside it a plain reboot",
        run: held::whole,
    },
    Scenario {
        name: "held-mishaps",
        about: "new loses its power in the hold, old in the middle of the copy, the link is gone for a minute, new loses its power on its way up; back",
        run: held::mishaps,
    },
    Scenario {
        name: "held-by-hand",
        about: "new waits in its own initramfs, a person switches old off; beside it a plain reboot; back",
        run: held::by_hand,
    },
    Scenario {
        name: "rehearsal",
        about: "new boots what was copied, cut off from the network, and holds again; killed and reset in it; then to the end",
        run: rehearsal::all,
    },
    Scenario {
        name: "drafted",
        about: "the whole migration again, by the plan that `replant init` writes for the two servers",
        run: migrate::drafted,
    },
];

/// What one scenario leaves for the next.
pub struct Bench {
    pub lab: Lab,
    pub checks: Checks,
    /// A pair with what its servers looked like before `replant` came.
    pub pair: Option<Subject>,
    /// Later scenarios want to go back to the moment after `connect`.
    pub keep_checkpoint: bool,
}

/// What the plan says of the ways to copy and to boot.
#[derive(Clone, Copy)]
pub enum Ways {
    /// nothing: they are chosen
    Default,
    /// nothing, and both copies are hashed before the cut
    Compared,
    /// LVM mirrors, new boots after the cutover
    Article,
    /// the copy lies below LVM, new boots after the cutover
    Below,
    /// and of each volume only what is in use
    Used,
}

impl Ways {
    fn say(self, pair: &Pair) -> Fallible<()> {
        let (copy, boot) = match self {
            Ways::Default => return Ok(()),
            Ways::Compared => ("verify: whole", ""),
            Ways::Article => ("method: mirror", "  boot: rescue\n"),
            Ways::Below => ("method: below", "  boot: rescue\n"),
            Ways::Used => ("method: below, only: used", "  boot: rescue\n"),
        };
        let text = fs_err::read_to_string(pair.plan())?;
        let text = text.replace("transfer:\n", &format!("copy: {{ {copy} }}\n\ntransfer:\n"));
        Ok(fs_err::write(pair.plan(), text.replace("  hostname: srv1\n", &format!("  hostname: srv1\n{boot}")))?)
    }
}

/// A pair under test.
pub struct Subject {
    pub pair: Pair,
    pub old_before: Picture,
    pub new_before: Picture,
    pub checkpoint: bool,
    pub migrated: bool,
}

impl Bench {
    /// A fresh pair, booted and looked at. The one before it is removed.
    pub fn fresh(&mut self, name: &str, old: &str, rescue: &str, ways: Ways) -> Fallible<Subject> {
        if let Some(before) = self.pair.take() {
            Pair::remove(&before.pair.dir)?;
        }
        let pair = Pair::create(&self.lab, name, old, rescue)?;
        ways.say(&pair)?;
        let (_, took) = say::timed("two servers from nothing", || pair.boot())?;
        self.checks.figure("boot of both servers", format!("{:.0} s", took.as_secs_f64()));
        let (old_before, new_before) = say::step("a picture of both servers", || {
            Ok((picture::of_old(&pair.service)?, picture::of_new(&pair.rescue)?))
        })?;
        Ok(Subject { pair, old_before, new_before, checkpoint: false, migrated: false })
    }
}

/// Runs these scenarios, or all; false if anything failed.
pub fn run(lab: Lab, names: &[&str]) -> Fallible<bool> {
    let chosen: Vec<&Scenario> = match names {
        [] => ALL.iter().collect(),
        names => names.iter().map(|name| find(name)).collect::<Fallible<_>>()?,
    };
    let keep_checkpoint =
        chosen.iter().any(|scenario| ["rollback-mid-copy", "back-and-forth", "mishaps"].contains(&scenario.name));
    let mut bench = Bench { lab, checks: Checks::default(), pair: None, keep_checkpoint };
    let began = std::time::Instant::now();
    let mut broken = Vec::new();
    for scenario in &chosen {
        say::heading(format_args!("{}: {}", scenario.name, scenario.about));
        let failed_before = bench.checks.failed.len();
        let outcome = say::timed(scenario.name, || (scenario.run)(&mut bench));
        if let Err(error) = &outcome {
            say::line(format_args!("  NOT   {}: {error}", scenario.name));
            bench.checks.failed.push(format!("{}: {error}", scenario.name));
        }
        if bench.checks.failed.len() > failed_before {
            broken.push(scenario.name);
            keep_for_inspection(&mut bench, scenario.name)?;
        }
        if let Ok(((), took)) = outcome {
            bench.checks.figure(format!("scenario {}", scenario.name), format!("{:.0} s", took.as_secs_f64()));
        }
    }
    if let Some(subject) = bench.pair.take() {
        Pair::remove(&subject.pair.dir)?;
    }
    account(&bench.checks, &broken, began.elapsed().as_secs());
    Ok(bench.checks.failed.is_empty())
}

pub fn find(name: &str) -> Fallible<&'static Scenario> {
    match ALL.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => Ok(scenario),
        None => fail!("there is no scenario `{name}`; `tests/lab/run list` shows them"),
    }
}

/// After a failure the machines are switched off, but their disks and logs stay.
fn keep_for_inspection(bench: &mut Bench, name: &str) -> Fallible<()> {
    let subject = bench.pair.take();
    let dirs = fs_err::read_dir(bench.lab.pairs())?.flatten().map(|entry| entry.path());
    for dir in dirs.filter(|dir| {
        dir.file_name().is_some_and(|name| name != "by-hand" && !name.to_string_lossy().starts_with("failed-"))
    }) {
        let Ok(pair) = Pair::load(&dir) else { continue };
        if subject.as_ref().is_some_and(|subject| subject.pair.dir != dir) {
            continue;
        }
        pair.stop()?;
        let kept = bench.lab.pair(&format!("failed-{name}"));
        let _ = std::fs::remove_dir_all(&kept);
        fs_err::rename(&dir, &kept)?;
        say::line(format_args!("disks and logs are kept in {}", kept.display()));
    }
    Ok(())
}

/// The short account at the end.
fn account(checks: &Checks, broken: &[&str], seconds: u64) {
    println!("\nMeasured");
    let width = checks.figures.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    for (what, value) in &checks.figures {
        println!("  {what:width$}  {value}");
    }
    if !checks.failed.is_empty() {
        println!("\nFailed in {}", broken.join(", "));
        for failure in &checks.failed {
            println!("  {failure}");
        }
    }
    println!("\n{} passed, {} failed ({} min {} s)", checks.passed, checks.failed.len(), seconds / 60, seconds % 60);
}
