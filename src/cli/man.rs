//! Manual pages: one for the program, one for each command, made from what `--help` says.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, End, Failure, Talk};
use crate::journal;

/// What `--help` does not say, in the language of man(7).
const MORE: &str = r#".SH ENVIRONMENT
.TP
\fBREPLANT_DIR\fR
Where migrations are kept, if \-\-dir does not say it.
.TP
\fBNO_COLOR\fR
Any value: no colour.
.TP
\fBTERM\fR
\fIdumb\fR: no live block, one line for each event.
.TP
\fBSSH_AUTH_SOCK\fR
The agent that ssh asks for keys.
.PP
Secrets of a plan, such as the password of a BMC, are taken from the variables that the plan names.
.SH FILES
.TP
\fI.replant/NAME/\fR
A migration: \fIrunbook.json\fR, \fIjournal.jsonl\fR (what happened), \fIlock\fR, \fIknown_hosts\fR, \fIsecrets/\fR, and
\fIold\-GROUP.lvm\fR, LVM's record of each group of the old server, for vgcfgrestore(8). Keep it until the old server is
scrapped: it is all that rollback needs.
.TP
\fI~/.ssh/config\fR, \fI~/.ssh/known_hosts\fR
What ssh goes by.
.TP
\fI/run/replant/\fR
On the servers: the lock that names its owner, and the output of long work.
.SH EXIT STATUS
.TP
\fB0\fR
Done as asked.
.TP
\fB1\fR
An error, a finding that blocks, or \fIno\fR to a question: what was asked for was not done, or not to its end.
.TP
\fB2\fR
Wrong usage; or, with plan \-\-detailed\-exitcode, there is something to do.
.TP
\fB130\fR
Interrupted.
"#;

const PAGES: &str = "replant, replant-init, replant-plan … one for each command";

/// The page of `command`, or the program's own; with `out` all of them into that directory.
pub(super) fn run(talk: &Talk, command: Option<&str>, out: Option<&Path>) -> Result<End, Failure> {
    let all = pages()?;
    let Some(directory) = out else {
        let wanted = command.map_or("replant".to_string(), |command| format!("replant-{command}"));
        let Some((_, page)) = all.iter().find(|(name, _)| *name == wanted) else {
            return Err(Failure::new(format!("there is no page `{wanted}`"), format!("there are: {PAGES}")));
        };
        talk.raw(page);
        return Ok(End::Good);
    };
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::new(
            format!("cannot write manual pages to `{}`: {error}", directory.display()),
            "give --out a directory that you may write to",
        )
    };
    fs_err::create_dir_all(directory).map_err(|error| cannot(&error))?;
    for (name, page) in &all {
        let path: PathBuf = directory.join(format!("{name}.1"));
        journal::write_whole(&path, page, 0o644).map_err(|error| cannot(&error))?;
    }
    talk.say(format!("{} pages are in {}. Read one: man {}", all.len(), directory.display(), {
        let first = directory.join("replant.1");
        crate::host::ssh::quote(&[first.display().to_string()])
    }));
    Ok(End::Good)
}

fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut program = Cli::command();
    program.build();
    let mut all = vec![(program.get_name().to_string(), program.clone())];
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    all.extend(commands.map(|command| (format!("replant-{}", command.get_name()), command.clone())));
    all.into_iter()
        .map(|(name, command)| {
            let command = command.display_name(name.clone());
            let mut page = Vec::new();
            Man::new(command).render(&mut page)?;
            // before the version, which is last
            let text = String::from_utf8_lossy(&page).into_owned();
            let at = text.find(".SH VERSION").unwrap_or(text.len());
            let others = match name == "replant" {
                true => String::new(),
                false => ".SH SEE ALSO\n\\fBreplant\\fR(1)\n".to_string(),
            };
            Ok((name, format!("{}{MORE}{others}{}", &text[..at], &text[at..]).into_bytes()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_with_its_flags() {
        Cli::command().debug_assert();
        let all = pages().unwrap();
        let commands = Cli::command().get_subcommands().count();
        assert_eq!(all.len(), commands + 1);
        for (name, page) in all {
            let page = String::from_utf8(page).unwrap();
            assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
            for section in
                [".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", ".SH ENVIRONMENT", ".SH FILES", ".SH \"EXIT STATUS\""]
            {
                let plain = section.replace('"', "");
                assert!(page.contains(section) || page.contains(&plain), "{name} has no {section}");
            }
            // flags that every command takes are on every page
            assert!(page.contains("\\-\\-dir") && page.contains("REPLANT_DIR"), "{name}");
        }
    }
}
