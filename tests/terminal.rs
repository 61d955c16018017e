//! The real binary on a terminal: questions, and who may answer them.

mod desk;

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use desk::Desk;
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(30);

/// The binary on a terminal of its own, whose keyboard we are.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    /// `ahead`: typed before the program has begun.
    fn run(desk: &Desk, args: &[&str], columns: u16, ahead: &str) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty()).unwrap();
        let mut keys = File::from(master);
        keys.write_all(ahead.as_bytes()).unwrap();
        let end = || slave.try_clone().unwrap();
        // Ctrl-C becomes a signal on a terminal that controls the program (setsid(1), util-linux).
        let child = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_replant")])
            .args(args)
            .current_dir(desk.0.path())
            .env_remove("REPLANT_DIR")
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let (send, screen) = channel();
        let mut master = keys.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // an error is the end: nobody holds the other side any more
            while let Ok(length @ 1..) = master.read(&mut buffer) {
                if send.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { child, keys, screen, text: String::new() }
    }

    fn wait_for(&mut self, wanted: &str) {
        let began = Instant::now();
        while !self.text.contains(wanted) {
            assert!(began.elapsed() < PATIENCE, "no `{wanted}` in:\n{}", self.text);
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                self.text += &String::from_utf8_lossy(&bytes);
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code, and all that was on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not end:\n{}", self.text);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        while let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.text += &String::from_utf8_lossy(&bytes);
        }
        (status.code(), self.text)
    }
}

fn desk() -> Desk {
    Desk::with_migration("isolate-lvm")
}

fn journal(desk: &Desk) -> PathBuf {
    desk.path(".replant/srv1/journal.jsonl")
}

const QUESTION: &str = "Type `srv1` to continue, anything else to stop: ";

#[test]
fn a_question_is_ended_by_one_ctrl_c() {
    let desk = desk();
    let before = std::fs::read(journal(&desk)).unwrap();
    let mut terminal = Terminal::run(&desk, &["rollback"], 80, "");
    terminal.wait_for(QUESTION);
    let asked = Instant::now();
    terminal.keys("\x03");
    let (code, text) = terminal.end();
    assert!(asked.elapsed() < Duration::from_secs(5), "at once");
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("interrupted: nothing of this was done"), "{text}");
    assert_eq!(std::fs::read(journal(&desk)).unwrap(), before);
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let desk = desk();
    let before = std::fs::read(journal(&desk)).unwrap();
    for ahead in ["srv1\n", "srv1\nsrv1\n", "srv"] {
        let mut terminal = Terminal::run(&desk, &["rollback"], 80, ahead);
        terminal.wait_for(QUESTION);
        // a moment, in which an answer that was taken would be used
        std::thread::sleep(Duration::from_millis(300));
        terminal.keys(if ahead == "srv" { "1\n" } else { "no\n" });
        let (code, text) = terminal.end();
        assert_eq!(code, Some(1), "{ahead:?}: {text}");
        assert!(text.contains("Nothing was changed."), "{ahead:?}: {text}");
        assert_eq!(std::fs::read(journal(&desk)).unwrap(), before, "{ahead:?}");
    }
}

#[test]
fn the_answer_counts() {
    let desk = desk();
    let mut terminal = Terminal::run(&desk, &["rollback"], 80, "");
    terminal.wait_for(QUESTION);
    terminal.keys("srv1\n");
    let confirmed = r#"{"confirmed":{"prompt":"rollback"}}"#;
    let began = Instant::now();
    while !std::fs::read_to_string(journal(&desk)).unwrap().contains(confirmed) {
        assert!(began.elapsed() < PATIENCE, "{}", terminal.text);
        std::thread::sleep(Duration::from_millis(50));
    }
    // it has gone on, to servers that are not there
    // once where it is about to begin, twice where it has begun
    terminal.keys("\x03");
    std::thread::sleep(Duration::from_secs(1));
    terminal.keys("\x03");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(130));
    assert!(text.contains("Once more") || text.contains("interrupted"), "{text}");
}

/// The lines of the block fit, and nothing of it is left at the end.
#[test]
fn the_live_block_fits_the_terminal() {
    for columns in [40, 80] {
        let desk = desk();
        let args = ["simulate", "plans/two-groups.yaml"];
        let (code, text) = Terminal::run(&desk, &args, columns, "").end();
        assert_eq!(code, Some(0), "{text}");
        let last = text.trim_end().lines().last().unwrap().trim_end();
        assert_eq!(last, "Next, on the real servers: replant plan plans/two-groups.yaml");
    }
}
