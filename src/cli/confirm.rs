//! Questions that matter ask for the name of what is about to be changed; `yes` alone is too easy at night.

use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};

use super::interrupt::Interrupt;
use super::{Failure, Prompts, Talk};
use crate::host::power::Request;
use crate::report::out;

/// Asks the person to type `word`. Says whether they did; Ctrl-C ends the command.
pub(super) fn confirm(
    talk: &Talk,
    prompts: &Prompts,
    interrupt: &Interrupt,
    question: &str,
    word: &str,
) -> Result<bool, Failure> {
    if prompts.yes {
        talk.say(question);
        talk.say("  (yes, by --yes)");
        return Ok(true);
    }
    // with --quiet, too: nobody can answer what was not asked
    out::tell(question);
    if nobody(prompts) {
        return Err(Failure::new(
            "this needs an answer, and there is nobody to ask: it was not done",
            "run it on a terminal, or add --yes if you are sure",
        ));
    }
    match answer(interrupt, &format!("Type `{word}` to continue, anything else to stop: "))? {
        Some(line) => Ok(line.trim() == word),
        None => Err(Failure { message: "interrupted: nothing of this was done".into(), ..Failure::interrupted() }),
    }
}

/// There is nobody to ask.
pub(super) fn nobody(prompts: &Prompts) -> bool {
    prompts.no_input || !io::stdin().is_terminal()
}

/// Asks a person about a server's power; the question is asked on the terminal only.
pub(super) fn by_hand(interrupt: &Interrupt, request: &Request) -> bool {
    let prompt = format!("{request}\nType `{}` if so, anything else if not: ", request.word());
    io::stdin().is_terminal()
        && answer(interrupt, &prompt).is_ok_and(|line| line.is_some_and(|line| line.trim() == request.word()))
}

/// The line that a person types after they were asked, and not before: what was typed while something else was on the
/// screen is no answer. None where they pressed Ctrl-C. The end of the input is an empty line.
fn answer(interrupt: &Interrupt, prompt: &str) -> io::Result<Option<String>> {
    const TICK: Duration = Duration::from_millis(100);
    let stdin = io::stdin().lock();
    // before it is asked: whoever answers at once is heard
    tcflush(&stdin, QueueSelector::IFlush)?;
    let mut question = out::ask(prompt)?;
    // A signal does not end a read: the standard library begins it again. So it is only begun where there is a line.
    let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
    loop {
        if interrupt.wanted() {
            return Ok(None);
        }
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&tick)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let mut line = String::new();
    let mut stdin = stdin;
    // a terminal gives no more than a line at a time, so that nothing stays behind in the buffer
    stdin.read_line(&mut line)?;
    question.answered = line.ends_with('\n');
    Ok(Some(line))
}
