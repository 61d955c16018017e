//! The scripts that are sent, and how their answers are read.
//!
//! The answer to a script is cut out of standard output and standard error by a nonce that only the script and we
//! know: first the nonce alone (so that whatever a login shell printed before it is left out), then for each command
//! its output, the nonce and its exit code, and in the end the nonce and `end`. An answer without that end is none.

use crate::host::{Act, Trail, sha256};

/// What ssh is told to run: takes the script from standard input, all of it, and evaluates it only if it is whole.
/// So a command in it cannot eat the rest of it, and half an upload runs nothing. There is nothing in it that any
/// login shell would touch between single quotes. Its arguments are the length, and the SHA-256 or `-`: a sum costs
/// two processes there, which acts are worth and questions are not.
const TAKE: &str = "LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; \
    export LC_ALL PATH; cd /; s=$(head -c $1); \
    if [ ${#s} -ne $1 ]; then echo only ${#s} of $1 bytes of a script arrived >&2; exit 98; fi; \
    if [ $2 = - ]; then :; else h=$(printf %s \"$s\" | sha256sum); if [ \"${h%% *}\" = $2 ]; then :; \
    else echo a script was damaged on its way >&2; exit 98; fi; fi; eval \"$s\"";

/// The exit code of [`TAKE`] for a script that is not whole.
pub(super) const CUT_SHORT: i32 = 98;

const RUNNER: &str = include_str!("../runner.sh");
const SEEN: &str = include_str!("../seen.sh");
const WAIT: &str = include_str!("../wait.sh");

/// One exchange.
pub(super) struct Script {
    pub nonce: String,
    text: String,
    sum: bool,
    /// the other end waits for us to say that we have its answer
    pub confirm: bool,
}

/// How an act is run: see `runner.sh`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Short,
    Long,
    Attach,
}

/// What a script makes sure of before it does anything else.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    /// that it runs as root
    pub root: bool,
    /// that it runs in the system with this boot id, which was seen to be on the right machine
    pub boot: Option<String>,
}

/// An answer, whole.
#[derive(Debug)]
pub(super) enum Answer {
    Outputs(Vec<Raw>),
    NotRoot,
    /// it is not the system that was asked for
    Another,
    Fault(String),
}

/// What one command answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Quotes for `sh`: the only place where that is done. Also how commands are shown to people.
pub(crate) fn quote(argv: &[String]) -> String {
    // Only a NUL byte can make this fail, and none can stand in an argument: `allow_nul` leaves that to be refused
    // where commands are run.
    let quoter = shlex::Quoter::new().allow_nul(true);
    quoter.join(argv.iter().map(String::as_str)).unwrap_or_default()
}

/// As [`quote`], for a line that a person reads in passing: a script that stands in the arguments is cut short. The whole
/// of it is in the runbook.
pub(crate) fn brief(argv: &[String]) -> String {
    match argv {
        [sh, dash_c, script, rest @ ..] if sh == "sh" && dash_c == "-c" && script.chars().count() > 60 => {
            let begin: String = script.chars().take_while(|c| *c != '\n').take(44).collect();
            let rest = rest.get(1..).unwrap_or_default();
            format!("sh -c '{begin}…' {}", quote(rest))
        }
        _ => quote(argv),
    }
}

fn quote_one(word: &str) -> String {
    quote(std::slice::from_ref(&word.to_string()))
}

/// A command that prints `text` without starting a process, so that it never stands in an argument vector.
fn print(text: &str) -> String {
    if text.contains('\0') {
        // a script can hold no NUL, but printf can be told to print one
        return format!("printf %b {}", quote_one(&text.replace('\\', "\\\\").replace('\0', "\\0000")));
    }
    format!("printf %s {}", quote_one(text))
}

impl Script {
    fn new(body: String, before: &Before) -> Script {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let or = |word: &str| format!("|| {{ printf '%s {word}\\n' \"$N\"; printf '%s\\n' \"$N\" >&2; exit 0; }}\n");
        let boot = match &before.boot {
            // `read` and `[` are the shell's own: no process
            Some(id) => format!(
                "B=; {{ read -r B </proc/sys/kernel/random/boot_id; }} 2>/dev/null; [ \"$B\" = {} ] {}",
                quote_one(id),
                or("another")
            ),
            None => String::new(),
        };
        let root = if before.root { format!("[ \"$(id -u)\" = 0 ] {}", or("notroot")) } else { String::new() };
        let begin = "printf '%s\\n' \"$N\"; printf '%s\\n' \"$N\" >&2\n";
        // ends in no newline: the other end's `$(…)` would take it away
        let text = format!("N={nonce}\n{boot}{root}{begin}{body}\n#");
        Script { nonce, text, sum: false, confirm: false }
    }

    /// Runs all of `commands`, one after the other, each with nothing on its standard input. Who asks is heard of, where
    /// services would come back otherwise: `runner.sh`.
    pub(super) fn look<'a>(
        migration: Option<&str>,
        commands: impl IntoIterator<Item = &'a [String]>,
        before: &Before,
    ) -> Script {
        let heard = migration.map_or(String::from("h() { :; }\n"), |migration| {
            let dir = quote_one(&format!("/run/replant/{migration}/dead-man"));
            format!(
                "G={dir}\nh() {{ [ ! -e \"$G/armed\" ] || {{ printf '%s\\n' \"$N\" >\"$G/heard\"; }} 2>/dev/null; }}\nh\n"
            )
        });
        let mut body =
            heard + "q() { printf '%s %s\\n' \"$N\" \"$1\" || exit; printf '%s\\n' \"$N\" >&2 || exit; h; }\n";
        for argv in commands {
            // a subshell and `exec`: one process, and never a builtin that changes the shell we are in
            body.push_str(&format!("(exec {} </dev/null);q $?\n", quote(argv)));
        }
        body.push_str("printf '%s end\\n' \"$N\"; printf '%s end\\n' \"$N\" >&2");
        Script::new(body, before)
    }

    /// Tells a server what it is to keep of the run that works on it: see `seen.sh`.
    pub(super) fn seen(migration: &str, text: &str, kept: &str, before: &Before) -> Script {
        let body = format!("M={}\nW={}\nP={kept}\n{}", quote_one(migration), quote_one(text), SEEN);
        Script { sum: true, ..Script::new(body, before) }
    }

    /// Waits for what was left running: see `wait.sh`.
    pub(super) fn wait(migration: &str, step: &str, direction: &str, before: &Before) -> Script {
        let of = format!("{}.{direction}", plain(step));
        let body = format!("M={}\nS={}\n{}", quote_one(migration), quote_one(&of), WAIT);
        Script::new(body, before)
    }

    /// Does one act, whose texts are `filled`. With a trail only where the server knows it.
    pub(super) fn act(
        (migration, trail): (&str, Option<&Trail>),
        job: &str,
        act: &Act,
        filled: Option<&str>,
        mode: Mode,
        before: &Before,
    ) -> Script {
        let word = match mode {
            Mode::Short => "short",
            Mode::Long => "long",
            Mode::Attach => "attach",
        };
        let others = match split(job) {
            (step, Some((direction, _))) => {
                format!("{}.{}", plain(step), if direction == "undo" { "apply" } else { "undo" })
            }
            (_, None) => String::new(),
        };
        let (run, here) = trail.map(|trail| (trail.run(), trail.here())).unwrap_or_default();
        let mut body = format!(
            "M={}\nJ={}\nS={}\nT={run}\nL={}\nMODE={word}\nFEED=\n",
            quote_one(migration),
            quote_one(&name(job, act)),
            quote_one(&others),
            quote_one(&here)
        );
        match act {
            Act::Run { argv, .. } => {
                let command = quote(argv);
                body.push_str(&format!("work() {{ exec {command}; }}\n"));
                match filled {
                    Some(text) => body.push_str(&format!("FEED=1\nfeed() {{ {}; }}\n", print(text))),
                    None => body.push_str("feed() { :; }\n"),
                }
                if mode != Mode::Short {
                    let kept = format!(
                        "(exec {command}) <\"$1.in\" >\"$1.out\" 2>&1 8>&- 9>&-\nc=$?\nrm -f \"$1.in\"\nread -r last <\"$2/last\"\n\
                         printf '%s\\n' \"$c $last\" >\"$1.rc.new\" && mv \"$1.rc.new\" \"$1.rc\"\n"
                    );
                    body.push_str(&format!("keep() {{ {}; }}\n", print(&kept)));
                }
            }
            Act::Put { path, mode, .. } => body.push_str(&put(path, filled.unwrap_or_default(), *mode)),
            Act::Remove { path } => body.push_str(&format!("work() {{ exec rm -f -- {}; }}\n", quote_one(path))),
            Act::Power { .. } => unreachable!("power is switched from here"),
        }
        body.push_str(RUNNER);
        Script { sum: true, confirm: mode != Mode::Short, ..Script::new(body, before) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What ssh is to run, as one word for the login shell there, whatever shell that is.
    pub(super) fn command(&self, sudo: bool) -> String {
        let sudo = if sudo { "sudo -n " } else { "" };
        let sum = if self.sum { sha256(&self.text) } else { "-".into() };
        format!("exec {sudo}/bin/sh -c '{TAKE}' replant {} {sum}", self.text.len())
    }

    /// The whole answer, once it is there.
    pub(super) fn answer(&self, stdout: &[u8], stderr: &[u8]) -> Option<Answer> {
        let (outs, errs) = (self.pieces(stdout), self.pieces(stderr));
        let (_, first) = outs.first()?;
        let last = &outs.last()?.1;
        match first.as_str() {
            "" => {}
            "notroot" => return Some(Answer::NotRoot),
            "another" => return Some(Answer::Another),
            _ => return None,
        }
        if let Some(fault) = last.strip_prefix("fault ") {
            return Some(Answer::Fault(fault.into()));
        }
        if last != "end" || errs.last()?.1 != "end" || outs.len() != errs.len() {
            return None;
        }
        let middle = 1..outs.len() - 1;
        let mut all = Vec::new();
        for ((stdout, code), (stderr, _)) in outs[middle.clone()].iter().zip(&errs[middle]) {
            all.push(Raw { code: code.parse().ok()?, stdout: stdout.to_vec(), stderr: stderr.to_vec() });
        }
        Some(Answer::Outputs(all))
    }

    /// Whether the script has begun to run, and how many of its commands have ended.
    pub(super) fn progress(&self, stdout: &[u8]) -> Option<usize> {
        self.pieces(stdout).len().checked_sub(1)
    }

    /// Whether a stream has come to its end; what may still hold it open there is of no interest.
    pub(super) fn ended(&self, stream: &[u8]) -> bool {
        stream.strip_suffix(b" end\n").is_some_and(|stream| stream.ends_with(self.nonce.as_bytes()))
    }

    /// The stream, cut at each line that the nonce begins: what stood before it, and the rest of that line.
    fn pieces<'a>(&self, mut stream: &'a [u8]) -> Vec<(&'a [u8], String)> {
        let mut all = Vec::new();
        while let Some(at) = find(stream, self.nonce.as_bytes()) {
            let line = &stream[at + self.nonce.len()..];
            let Some(length) = line.iter().position(|byte| *byte == b'\n') else { break };
            all.push((&stream[..at], String::from_utf8_lossy(&line[..length]).trim_start().to_string()));
            stream = &line[length + 1..];
        }
        all
    }
}

/// What names an act among all that are ever done on a server for a migration: a file name.
fn name(job: &str, act: &Act) -> String {
    // of the texts with places: a secret leaves no trace in it
    let sum = sha256(format!("{job}\n{}", serde_json::to_string(act).unwrap_or_default()));
    let (step, place) = split(job);
    let place = place.map_or(String::new(), |(direction, at)| format!(".{direction}.{at}"));
    format!("{}{place}-{}", plain(step), &sum[..16])
}

/// The step of a job, and its direction and position.
fn split(job: &str) -> (&str, Option<(&str, &str)>) {
    let mut parts = job.rsplitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(at), Some(direction @ ("apply" | "undo")), Some(step)) => (step, Some((direction, at))),
        _ => (job, None),
    }
}

/// As a part of a file name.
fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(plain).take(80).collect::<String>().trim_start_matches('.').into()
}

/// Two steps that are done at once may need the same file: one after the other writes it, by a lock on its directory.
fn put(path: &str, text: &str, mode: Option<u32>) -> String {
    let (dir, base) = path.rsplit_once('/').unwrap_or((".", path));
    let dir = if dir.is_empty() { "/" } else { dir };
    let (kept, bits) = match mode {
        Some(mode) => ("", format!("chmod {:o} \"$t\"", mode & 0o7777)),
        // what a link leads to is written, and the link stays
        None => (
            "if [ -L \"$p\" ]; then p=$(readlink -f -- \"$p\") || return; d=${p%/*} t=${p%/*}/.${p##*/}.replant; fi\n",
            "if [ -e \"$p\" ]; then chown --reference=\"$p\" \"$t\" && chmod --reference=\"$p\" \"$t\"; else chmod 644 \"$t\"; fi"
                .to_string(),
        ),
    };
    format!(
        r#"work() {{
p={} d={} t={}
{kept}[ -d "$d" ] || (umask 022; exec mkdir -p -- "$d") || return
exec 8<"$d" && flock 8 || return
{} >"$t" || {{ rm -f -- "$t"; return 1; }}
h=$(sha256sum <"$t")
[ "${{h%% *}}" = {} ] || {{ rm -f -- "$t"; echo "what arrived in $t is not what was sent" >&2; return 1; }}
{bits} && sync "$t" && mv -fT -- "$t" "$p" && sync "$d"
}}
feed() {{ :; }}
"#,
        quote_one(path),
        quote_one(dir),
        quote_one(&format!("{}/.{base}.replant", dir.trim_end_matches('/'))),
        print(text),
        sha256(text),
    )
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none() {
        let look = vec!["true".to_string()];
        let script = Script::look(Some("test"), [look.as_slice()], &Before::default());
        let n = script.nonce.clone();
        let out = format!("motd\n{n}\none\n\n{n} 255\n{n} end\n");
        let err = format!("{n}\n{n}\n{n} end\n");
        let Some(Answer::Outputs(all)) = script.answer(out.as_bytes(), err.as_bytes()) else { panic!() };
        assert_eq!(all, [Raw { code: 255, stdout: b"one\n\n".to_vec(), stderr: vec![] }]);
        for cut in 0..out.len() {
            assert!(script.answer(&out.as_bytes()[..cut], err.as_bytes()).is_none(), "cut at {cut}");
        }
        for cut in 0..err.len() {
            assert!(script.answer(out.as_bytes(), &err.as_bytes()[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn names_are_file_names_and_tell_acts_apart() {
        let one = name("../a b/apply/1", &Act::run(["true"]));
        assert!(one.starts_with("-a-b-apply-1-"), "{one}");
        assert_ne!(one, name("../a b/apply/1", &Act::run(["false"])));
        assert_ne!(name("a b", &Act::run(["true"])), name("a-b", &Act::run(["true"])));
    }

    #[test]
    fn the_constant_stands_between_single_quotes_in_any_shell() {
        assert!(!TAKE.contains(['\'', '\\', '!', '\n']));
    }

    /// The way a login shell would be told to run it.
    fn taken(script: &Script, bytes: &[u8]) -> (i32, String) {
        let shell = duct::cmd("/bin/sh", ["-c", &script.command(false)]).stdin_bytes(bytes);
        let output = shell.stdout_capture().stderr_capture().unchecked().run().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn nothing_runs_that_is_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        let ran = dir.path().join("ran");
        let touch = ["touch", ran.to_str().unwrap()].map(String::from).to_vec();
        let scripts = [
            Script::look(Some("test"), [touch.as_slice(), touch.as_slice()], &Before::default()),
            Script::act(("test", None), "job", &Act::run(touch.clone()), None, Mode::Short, &Before::default()),
        ];
        for script in &scripts {
            let bytes = script.bytes();
            let lines = (0..bytes.len()).filter(|at| bytes[*at] == b'\n');
            for cut in lines.chain([bytes.len() - 1]) {
                assert_eq!(taken(script, &bytes[..cut]), (CUT_SHORT, String::new()), "cut at {cut}");
            }
            assert!(!ran.exists());
        }
        // an act is not run if a single bit is another
        let mut damaged = scripts[1].bytes().to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(taken(&scripts[1], &damaged), (CUT_SHORT, String::new()));
        assert!(!ran.exists());
        let (code, stdout) = taken(&scripts[0], scripts[0].bytes());
        assert_eq!((code, scripts[0].ended(stdout.as_bytes())), (0, true));
        assert!(ran.exists());
    }
}
