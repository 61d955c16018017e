//! Questions that matter ask for the name of what is about to be changed; `yes` alone is too easy at night.

use std::io::{BufRead, IsTerminal};

use super::{Failure, Prompts, Talk};
use crate::host::power::Request;
use crate::report::out;

/// Asks the person to type `word`. Says whether they did.
pub fn confirm(talk: &Talk, prompts: &Prompts, question: &str, word: &str) -> Result<bool, Failure> {
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
    out::ask(&format!("Type `{word}` to go on, anything else to stop: "))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == word)
}

/// There is nobody to ask.
pub fn nobody(prompts: &Prompts) -> bool {
    prompts.no_input || !std::io::stdin().is_terminal()
}

/// Asks a person about a server's power; the question is asked on the terminal only.
pub fn by_hand(request: &Request) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let asked = out::ask(&format!("{request}\nType `{}` if so, anything else if not: ", request.word()));
    let mut line = String::new();
    asked.is_ok() && std::io::stdin().lock().read_line(&mut line).is_ok() && line.trim() == request.word()
}
