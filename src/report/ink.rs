//! Colours, and what of a text may reach a terminal.
//!
//! Texts hold names and outputs of servers. What a terminal would take for a command (an escape sequence, a carriage
//! return, a change of the direction of writing) could hide a line or forge one, so it is shown as a number. Our own
//! colours are therefore no escape sequences until a text is printed: they are signs that no text of others has.

use std::fmt::{self, Display, Formatter, Write};

/// `{RED}text{RED:#}`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink(char);

/// as it is
pub(crate) const NONE: Ink = Ink(OFF);
pub(crate) const BOLD: Ink = Ink('\u{fdd2}');
pub(crate) const DIM: Ink = Ink('\u{fdd3}');
pub(crate) const RED: Ink = Ink('\u{fdd4}');
pub(crate) const GREEN: Ink = Ink('\u{fdd5}');
pub(crate) const YELLOW: Ink = Ink('\u{fdd6}');
/// Unicode keeps these code points for use inside of a program: they are never exchanged.
const OFF: char = '\u{fdd0}';

impl Display for Ink {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char(if f.alternate() { OFF } else { self.0 })
    }
}

/// The text as it is printed.
pub(crate) fn printed(text: &str, colour: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let code = match c {
            ' '..='~' | '\n' | '\t' => {
                out.push(c);
                continue;
            }
            '\r' if rest.peek() == Some(&'\n') => continue,
            _ => match Ink(c) {
                NONE => "\x1b[0m",
                BOLD => "\x1b[1m",
                DIM => "\x1b[2m",
                RED => "\x1b[1;31m",
                GREEN => "\x1b[32m",
                YELLOW => "\x1b[33m",
                _ => {
                    escape(&mut out, c);
                    continue;
                }
            },
        };
        if colour {
            out.push_str(code);
        }
    }
    out
}

/// As [`printed`] without colour: for a file that somebody will look at on a terminal.
pub(crate) fn plain(text: &str) -> String {
    printed(text, false)
}

/// A letter stays one; what cannot be seen, or moves what can, becomes `\u{202e}`.
fn escape(out: &mut String, c: char) {
    // behind a letter, because an accent of its own is fine there
    let pair = ['a', c].iter().collect::<String>();
    let shown = pair.escape_debug();
    out.extend(shown.skip(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_server_moves_the_cursor() {
        for (text, shown) in [
            ("WD\x1b[2K\x1b[1A", "WD\\u{1b}[2K\\u{1b}[1A"),
            ("a\rb", "a\\rb"),
            ("10 %\r\n", "10 %\n"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("bell\u{7}, back\u{8}, del\u{7f}", "bell\\u{7}, back\\u{8}, del\\u{7f}"),
            ("line\u{2028}end\u{0}", "line\\u{2028}end\\0"),
            ("Größe, 日本, e\u{301}, — ✓ ↶ '\"\\", "Größe, 日本, e\u{301}, — ✓ ↶ '\"\\"),
        ] {
            assert_eq!(printed(text, true), shown, "{text:?}");
            assert_eq!(printed(&printed(text, true), true), shown, "escaped twice is escaped once");
        }
    }

    #[test]
    fn colours_are_ours_alone() {
        let text = format!("{RED}error{RED:#}: \x1b[32mgood\x1b[0m");
        assert_eq!(printed(&text, true), "\x1b[1;31merror\x1b[0m: \\u{1b}[32mgood\\u{1b}[0m");
        assert_eq!(printed(&text, false), "error: \\u{1b}[32mgood\\u{1b}[0m");
    }
}
