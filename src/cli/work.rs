//! An apply that has its migration, its servers and its locks: the stages, and the two questions between them.

use std::time::Duration;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk};
use crate::course::Runbook;
use crate::engine::{self, Options, Stopped, Summary};
use crate::forecast;
use crate::host::{Hosts, Query, Server, Side};
use crate::journal::{Journal, Run};
use crate::report::{self, LiveView, Next, To};
use crate::runbook::{Node, Stage};
use crate::step::Mark;

/// How often an apply starts again by itself after a server or a link was away; only while old serves.
const AGAIN: usize = 3;

/// Steps at a time, if nothing else is said.
pub(crate) const PARALLELISM: usize = 4;

pub(super) struct Work<'a> {
    pub talk: &'a Talk,
    pub runbook: &'a Runbook,
    pub hosts: &'a dyn Hosts,
    pub interrupt: &'a Interrupt,
    /// a question, and the word that is to be typed
    pub ask: &'a dyn Fn(&str, &str) -> Result<bool, Failure>,
    pub parallelism: usize,
    /// between two looks at what is waited for
    pub poll: Duration,
    /// seconds until new's services ran when it was rehearsed
    pub rehearsed: Option<f64>,
    /// what was typed after `apply`
    pub typed: &'a str,
    /// the command that goes back
    pub go_back: String,
}

impl Work<'_> {
    /// Goes through the stages up to `until`; `hold` takes the locks of the servers again.
    pub(crate) fn carry_out(
        &self,
        journal: &mut Journal,
        until: Option<Stage>,
        hold: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<End, Failure> {
        let talk = self.talk;
        let last = until.unwrap_or(Stage::Grow);
        if !self.may_destroy(journal)? {
            talk.say("Nothing was changed.");
            return Ok(End::Failed);
        }
        if last >= Stage::Cutover
            && let Err(nobody) = somebody_switches(self.hosts)
        {
            talk.say(format!("Note: it will stop before the cutover: {}.", nobody.message));
        }
        let mut total = Summary::default();
        for stage in [last.min(Stage::Copy), last] {
            if stage >= Stage::Cutover {
                let may = self.may_cut_over(journal);
                let interrupted = may.as_ref().is_err_and(|failure| failure.interrupted);
                if interrupted || !may? {
                    return Ok(self.not_cut_over(until, interrupted));
                }
            }
            match self.go_through(journal, stage, &mut total, hold)? {
                Ok(()) if stage == last => break,
                Ok(()) => {}
                Err(stopped) => {
                    let told = report::stopped(&stopped, self.runbook, journal.state(), &self.next(until));
                    report::out::tell(&told);
                    return Ok(if stopped.interrupted { End::Interrupted } else { End::Failed });
                }
            }
        }
        // what was asked for is done: to go on is to go further
        let account = report::account(self.runbook, journal.state(), &total, last, &self.next(None));
        talk.line(
            &serde_json::json!({ "event": "summary", "changed": total.changed, "seconds": total.took.as_secs_f64() }),
        );
        talk.say(account);
        Ok(End::Good)
    }

    /// As long as old serves, an apply starts again by itself after something was away.
    fn go_through(
        &self,
        journal: &mut Journal,
        stage: Stage,
        total: &mut Summary,
        hold: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Result<(), Box<Stopped>>, Failure> {
        let mut again = 0;
        loop {
            match self.go(journal, stage) {
                Ok(summary) => {
                    total.changed += summary.changed;
                    total.took += summary.took;
                    return Ok(Ok(()));
                }
                Err(stopped) if stopped.may_mend() && stage < Stage::Cutover && again < AGAIN => {
                    again += 1;
                    total.changed += stopped.summary.changed;
                    total.took += stopped.summary.took;
                    self.talk.say(format!(
                        "{stopped}\nA server, its disks or a link may have been away: everything is checked again, and what \
                         was lost is made again."
                    ));
                    hold()?;
                }
                Err(stopped) => return Ok(Err(stopped)),
            }
        }
    }

    fn go(&self, journal: &mut Journal, until: Stage) -> Result<Summary, Box<Stopped>> {
        let live = LiveView::new(self.runbook, until, To::Err, self.talk.manner());
        let (parallelism, poll) = (self.parallelism, self.poll);
        let options = Options { parallelism, poll, until: Some(until), ..Options::new(&self.interrupt.level) };
        engine::apply(&self.runbook.nodes, journal, self.hosts, &options, &|event| live.tell(event))
    }

    fn not_cut_over(&self, until: Option<Stage>, interrupted: bool) -> End {
        let Next { go_on, go_back } = self.next(until);
        let by = if interrupted { "interrupted" } else { "by your answer" };
        let told = format!(
            "Stopped before the cutover, {by}: old serves as before.\nTo resume:  {go_on}\nTo go back: {go_back}"
        );
        // with --quiet, too: it did not do what it was asked for
        report::out::tell(&told);
        self.talk.line(&serde_json::json!({ "event": "stopped", "before": Stage::Cutover }));
        if interrupted { End::Interrupted } else { End::Failed }
    }

    /// What can be typed next, as it can be pasted.
    fn next(&self, until: Option<Stage>) -> Next {
        let mut words = vec!["apply".to_string(), self.typed.to_string()];
        if let Some(until) = until {
            words.extend(["--until".into(), until.to_string()]);
        }
        if self.parallelism != PARALLELISM {
            words.extend(["--parallelism".into(), self.parallelism.to_string()]);
        }
        Next { go_on: self.talk.command(&words), go_back: self.go_back.clone() }
    }

    /// Asks before the first step that destroys something.
    fn may_destroy(&self, journal: &mut Journal) -> Result<bool, Failure> {
        let state = journal.state();
        let begun = |node: &&Node| state.ours(&node.id) || state.found(&node.id);
        let name = &self.runbook.name;
        if self.runbook.nodes.iter().any(|node| begun(&node)) {
            return Ok(true); // it was asked when this migration began
        }
        let lost: Vec<String> = self
            .runbook
            .nodes
            .iter()
            .filter(|node| node.step.as_step().mark() == Mark::Destroy)
            .map(|node| format!("  ! {}", node.step.as_step().title()))
            .collect();
        let disks: Vec<String> = self
            .runbook
            .plan
            .disks
            .iter()
            .map(|disk| {
                let id = disk.serial.as_ref().or(disk.wwn.as_ref()).map_or(String::new(), |id| id.to_string());
                format!("  ! disk {} of new, {id}", *disk.name)
            })
            .collect();
        let question = format!(
            "These disks of new ({}) will be partitioned again:\n{}{}{}",
            *self.runbook.plan.new.address,
            disks.join("\n"),
            if lost.is_empty() { "" } else { "\nand what is on them will be destroyed:\n" },
            lost.join("\n")
        );
        let yes = (self.ask)(&question, name)?;
        if yes {
            journal.run(Run::Confirmed { prompt: "new's disks are partitioned anew".into() })?;
        }
        Ok(yes)
    }

    /// Asks before services stop.
    fn may_cut_over(&self, journal: &mut Journal) -> Result<bool, Failure> {
        let state = journal.state();
        let begun = self.runbook.nodes.iter().any(|node| node.stage == Stage::Cutover && state.ours(&node.id));
        if begun {
            return Ok(true);
        }
        somebody_switches(self.hosts)?;
        let units = self.runbook.plan.cutover.units();
        let stop = match units.as_slice() {
            [] => "no service is stopped, for the plan names none".to_string(),
            units => format!("{} are stopped", units.join(", ")),
        };
        // what was only assumed stands in the plan
        let estimated = self.rehearsed.map_or(String::new(), |boot| {
            let downtime = forecast::downtime(self.runbook, Some(boot));
            format!(" (estimated, by the rehearsal: {})", report::about(downtime.seconds))
        });
        let question = format!(
            "Everything is copied. The cutover comes now: on old {stop}; it is switched off, and new boots in its place.\n\
             Services are down from here until new has booted{estimated}. Until old is switched off, going back loses nothing; after\n\
             that, it loses what new has written since."
        );
        let yes = (self.ask)(&question, &self.runbook.name)?;
        if yes {
            journal.run(Run::Confirmed { prompt: "the cutover".into() })?;
        }
        Ok(yes)
    }
}

/// What a person will have to do while services are down needs a person.
fn somebody_switches(hosts: &dyn Hosts) -> Result<(), Failure> {
    for (server, side) in [(Server::Old, Side::Old), (Server::New, Side::New)] {
        if hosts.ask(side, Query::Control(server))?.stdout.trim() == "nobody" {
            return Err(Failure::new(
                format!("{server} is switched by hand, and nobody is there to do it"),
                "run it on a terminal, without --no-input; `--until copy` goes as far as it can without anybody",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::facts;
    use crate::journal::Header;
    use crate::sim::Sim;
    use crate::{course, plan};

    /// The lab's pair, and how a whole apply of its plan ends where questions are answered so.
    fn apply(until: Option<Stage>, answer: &dyn Fn(&str) -> Result<bool, Failure>) -> (u8, Vec<String>, Journal) {
        let loaded = plan::load("plans/lab.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        let sim = Sim::from_plan(&loaded.plan, None);
        let facts = facts::both(&sim).unwrap();
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
        let mut journal = Journal::nowhere(Header::new("srv1", ""));
        let asked = RefCell::new(Vec::new());
        let ask = |question: &str, word: &str| {
            assert_eq!(word, "srv1");
            asked.borrow_mut().push(question.to_string());
            answer(question)
        };
        let mut talk = Talk::new(false, false, true);
        talk.also = vec!["--dir".into(), "a b".into()];
        let interrupt = Interrupt::default();
        let work = Work {
            talk: &talk,
            runbook: &book,
            hosts: &sim,
            interrupt: &interrupt,
            ask: &ask,
            parallelism: 1,
            poll: Duration::ZERO,
            rehearsed: None,
            typed: "plans/lab.yaml",
            go_back: talk.command(&["rollback", "srv1"]),
        };
        let next = work.next(until);
        assert_eq!(
            next.go_on,
            format!(
                "replant apply plans/lab.yaml{} --parallelism 1 --dir 'a b'",
                until.map_or(String::new(), |stage| format!(" --until {stage}"))
            )
        );
        assert_eq!(next.go_back, "replant rollback srv1 --dir 'a b'");
        let end = work.carry_out(&mut journal, until, &mut || Ok(()));
        let code = end.unwrap_or_else(|failure| panic!("{}", failure.message)).code();
        (code, asked.into_inner(), journal)
    }

    fn begun(journal: &Journal, step: &str) -> bool {
        journal.state().ours(&crate::runbook::StepId(step.into()))
    }

    #[test]
    fn no_at_the_cutover_is_no_success() {
        let (code, asked, journal) = apply(None, &|question| Ok(!question.contains("The cutover comes now")));
        assert_eq!((code, asked.len()), (1, 2));
        assert!(begun(&journal, "mirror-vg0-var") && !begun(&journal, "stop-services"));
        let (code, _, journal) = apply(None, &|question| match question.contains("The cutover comes now") {
            true => Err(Failure::interrupted()),
            false => Ok(true),
        });
        assert_eq!(code, 130);
        assert!(!begun(&journal, "stop-services"));
    }

    #[test]
    fn no_at_the_beginning_changes_nothing() {
        let (code, asked, journal) = apply(None, &|_| Ok(false));
        assert_eq!((code, asked.len()), (1, 1));
        assert!(journal.state().untouched());
    }

    #[test]
    fn as_far_as_it_was_asked_to_go_is_a_success() {
        let (code, asked, journal) = apply(Some(Stage::Copy), &|_| Ok(true));
        assert_eq!((code, asked.len()), (0, 1), "the cutover is not asked about");
        assert!(begun(&journal, "mirror-vg0-var"));
    }

    #[test]
    fn what_needs_a_person_is_refused_where_there_is_none() {
        use crate::sim::{Control, Person};
        let loaded = crate::plan::load("plans/lab.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        let refused = |old, new, person| {
            let sim = crate::sim::Sim::from_plan(&loaded.plan, None);
            sim.change(|world| {
                world.controls = [(Server::Old, old), (Server::New, new)].into();
                world.person = person;
            });
            somebody_switches(&sim).err().map(|failure| failure.message)
        };
        use Control::{Command, Manual};
        assert_eq!(refused(Manual, Manual, Person::Truthful), None);
        assert_eq!(refused(Command, Command, Person::Absent), None);
        assert!(refused(Manual, Command, Person::Absent).unwrap().starts_with("old is switched by hand"));
        assert!(refused(Command, Manual, Person::Absent).unwrap().starts_with("new is switched by hand"));
    }
}
