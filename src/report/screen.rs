//! The terminal: lines that scroll, the live block below them, and questions. One lock for all three: nothing is drawn
//! over a question, and what is said while one is open is said after its answer.

use std::io::{self, IsTerminal, Result, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::tcgetwinsize;

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// standard output: results
    Out,
    /// standard error: what is said to the person
    Err,
}

/// What is written to; a test has another.
pub(crate) trait Sink {
    fn put(&mut self, to: To, text: &str) -> Result<()>;
    /// columns of a terminal
    fn width(&self, to: To) -> usize;
}

/// Standard output and standard error. Whoever reads them may be gone (a closed pipe, a full disk behind a redirect). The
/// macros of the standard library panic then, which in the middle of a cutover nobody wants: so it is an error.
pub(super) struct Streams;

impl Sink for Streams {
    fn put(&mut self, to: To, text: &str) -> Result<()> {
        fn all(mut stream: impl Write, text: &str) -> Result<()> {
            stream.write_all(text.as_bytes())?;
            stream.flush()
        }
        match to {
            To::Out => all(io::stdout().lock(), text),
            To::Err => all(io::stderr().lock(), text),
        }
    }

    fn width(&self, to: To) -> usize {
        let size = match to {
            To::Out => tcgetwinsize(io::stdout()),
            To::Err => tcgetwinsize(io::stderr()),
        };
        // a serial console knows no size
        size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(80)
    }
}

/// Whether a block of lines can be drawn again and again there.
pub(crate) fn is_terminal(to: To) -> bool {
    let terminal = match to {
        To::Out => io::stdout().is_terminal(),
        To::Err => io::stderr().is_terminal(),
    };
    terminal && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

pub(super) struct Screen<S> {
    sink: S,
    /// the live block, and where it is drawn
    block: Option<(To, Vec<String>)>,
    /// lines of it that are on the screen
    drawn: usize,
    /// a question is open
    asking: bool,
    late: Vec<(To, String)>,
}

/// The one of this process.
static SCREEN: Mutex<Screen<Streams>> = Mutex::new(Screen::new(Streams));

pub(super) fn screen() -> MutexGuard<'static, Screen<Streams>> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Sink> Screen<S> {
    pub(super) const fn new(sink: S) -> Screen<S> {
        Screen { sink, block: None, drawn: 0, asking: false, late: Vec::new() }
    }

    /// A text above the block; later, where somebody is being asked.
    pub(super) fn text(&mut self, to: To, text: &str) -> Result<()> {
        if self.asking {
            self.late.push((to, text.to_string()));
            return Ok(());
        }
        match self.block.as_ref().map(|(on, _)| *on) {
            None => self.sink.put(to, text),
            Some(on) => {
                let erased = self.erase();
                if on == to {
                    // in one piece, so that it does not flicker
                    let block = self.drawing(on);
                    return self.sink.put(to, &format!("{erased}{text}{block}"));
                }
                self.sink.put(on, &erased)?;
                let written = self.sink.put(to, text);
                let block = self.drawing(on);
                self.sink.put(on, &block)?;
                written
            }
        }
    }

    /// What stands below the lines that scroll from now on: it is drawn in place of what stood there.
    pub(super) fn block(&mut self, to: To, lines: Vec<String>) {
        let erased = self.erase();
        self.block = (!lines.is_empty()).then_some((to, lines));
        if self.asking {
            return;
        }
        let drawing = self.drawing(to);
        if !erased.is_empty() || !drawing.is_empty() {
            // nobody has to see it
            let _ = self.sink.put(to, &format!("{erased}{drawing}"));
        }
    }

    pub(super) fn width(&self, to: To) -> usize {
        self.sink.width(to)
    }

    /// Asks: from here on nothing else is written until [`Screen::answered`].
    pub(super) fn ask(&mut self, text: &str) -> Result<()> {
        let on = self.block.as_ref().map_or(To::Err, |(on, _)| *on);
        let erased = self.erase();
        self.asking = true;
        if !erased.is_empty() {
            self.sink.put(on, &erased)?;
        }
        self.sink.put(To::Err, text)
    }

    /// The question is over; `answered`: the person has ended its line.
    pub(super) fn answered(&mut self, answered: bool) {
        self.asking = false;
        if !answered {
            let _ = self.sink.put(To::Err, "\n");
        }
        for (to, text) in std::mem::take(&mut self.late) {
            let _ = self.text(to, &text);
        }
    }

    pub(crate) fn asking(&self) -> bool {
        self.asking
    }

    /// What takes the block off the screen.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\r\x1b[{lines}A\x1b[J"),
        }
    }

    fn drawing(&mut self, to: To) -> String {
        let width = self.sink.width(to);
        let lines = self.block.iter().flat_map(|(_, lines)| lines);
        let lines: Vec<String> = lines.map(|line| format!("{}\n", cut(line, width))).collect();
        self.drawn = lines.len();
        lines.concat()
    }
}

/// At most so many columns: a line that the terminal breaks is two, and could not be taken off again.
pub(super) fn cut(line: &str, width: usize) -> String {
    match line.chars().count() > width {
        true => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal of 20 columns: the lines on it, and the one that the cursor is on, last.
    #[derive(Default)]
    struct Glass(Vec<String>);

    impl Sink for Glass {
        fn put(&mut self, _: To, text: &str) -> Result<()> {
            let mut rest = text;
            if self.0.is_empty() {
                self.0.push(String::new());
            }
            while let Some(c) = rest.chars().next() {
                rest = &rest[c.len_utf8()..];
                match c {
                    '\n' => self.0.push(String::new()),
                    '\r' => {
                        let (up, after) = rest.strip_prefix("\x1b[").unwrap().split_once("A\x1b[J").unwrap();
                        let left = self.0.len() - 1 - up.parse::<usize>().unwrap();
                        self.0.truncate(left);
                        self.0.push(String::new());
                        rest = after;
                    }
                    c => {
                        assert!(!c.is_control(), "{c:?}");
                        self.0.last_mut().unwrap().push(c);
                    }
                }
            }
            Ok(())
        }

        fn width(&self, _: To) -> usize {
            20
        }
    }

    #[test]
    fn lines_scroll_above_the_block() {
        let mut screen = Screen::new(Glass::default());
        screen.block(To::Err, vec!["copying 1 %".into(), "a line that is longer than the terminal".into()]);
        screen.text(To::Err, "done: a\n").unwrap();
        screen.text(To::Out, "done: b\n").unwrap();
        screen.block(To::Err, vec!["copying 2 %".into()]);
        assert_eq!(screen.sink.0, ["done: a", "done: b", "copying 2 %", ""]);
        screen.block(To::Err, vec![]);
        assert_eq!(screen.sink.0, ["done: a", "done: b", ""]);
    }

    #[test]
    fn nothing_is_drawn_over_a_question() {
        let mut screen = Screen::new(Glass::default());
        screen.block(To::Err, vec!["copying 1 %".into()]);
        screen.ask("Type `done`: ").unwrap();
        assert_eq!(screen.sink.0, ["Type `done`: "]);
        screen.text(To::Err, "link lost\n").unwrap();
        screen.block(To::Err, vec!["copying 2 %".into(), "more".into()]);
        assert_eq!(screen.sink.0, ["Type `done`: "], "it waits for the answer");
        screen.sink.put(To::Err, "done\n").unwrap();
        screen.answered(true);
        assert_eq!(screen.sink.0, ["Type `done`: done", "link lost", "copying 2 %", "more", ""]);
    }

    #[test]
    fn a_line_fits() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
    }
}
