//! What a machine's console has shown: firmware, boot loader, kernel, initramfs. Nothing else tells why a machine does not
//! come up that nobody can log in to.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use crate::host::Server;

/// Commands, run where replant runs, that print what a machine's console has shown so far.
pub type Consoles = BTreeMap<Server, Vec<String>>;

/// One that does not end by itself has printed what it has to by then.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// Bytes, from the end, that are looked at.
const READ: u64 = 64 << 10;

/// Lines, from the end, that are shown.
const LINES: usize = 16;

/// Characters of a line.
const WIDTH: usize = 160;

/// The last bytes of a file, which can be as long as a machine is old.
pub(super) fn last_bytes(file: &mut (impl Read + Seek)) -> std::io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last lines that somebody before the screen could read: without what moves its cursor and colours it, and of a line
/// that was written over what it was last. Empty lines are none.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').filter_map(shown).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    last.iter().map(|line| format!("{line}\n")).collect()
}

fn shown(line: &str) -> Option<String> {
    let plain = plain(line);
    let last = plain.trim_end().rsplit('\r').map(str::trim_end).find(|part| !part.is_empty())?;
    Some(last.chars().take(WIDTH).collect())
}

/// Without escape sequences (ECMA-48) and other characters that are not printed, but for carriage returns and tabs.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\x1b' if rest.as_str().starts_with('[') => {
                // parameters, and a letter that ends it
                rest.next();
                let _ = rest.find(|next| ('@'..='~').contains(next));
            }
            '\x1b' => _ = rest.next(),
            '\r' => plain.push('\r'),
            '\t' => plain.push(' '),
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_last_lines_as_a_person_would_read_them() {
        let said = "SeaBIOS\r\n\x1b[2J\x1b[01;01HGRUB loading\x1b[0m.\r\n\r\n[    1.5] loaded 10%\rloaded 99%\rloaded\r\n\t[ 2.0] replant: waiting\x07\r\n   \r\n";
        assert_eq!(last_lines(said), "SeaBIOS\nGRUB loading.\nloaded\n [ 2.0] replant: waiting\n");
        assert_eq!(last_lines(""), "");
        assert_eq!(last_lines("\r\n\x1b[0m\x1bc\r\n"), "");
        // a sequence that the end has cut off
        assert_eq!(last_lines("grub rescue> \x1b[1"), "grub rescue>\n");
        let many: String = (0..100).map(|number| format!("line {number}\n")).collect();
        let last = last_lines(&many);
        assert_eq!(
            (last.lines().count(), last.lines().next(), last.lines().last()),
            (16, Some("line 84"), Some("line 99"))
        );
        assert_eq!(last_lines(&"ü".repeat(500)).chars().count(), 161);
    }

    #[test]
    fn of_a_long_file_the_end() {
        let mut long = vec![b'a'; 1 << 20];
        long.extend(b"\nthe end\n");
        let last = last_bytes(&mut Cursor::new(&mut long)).unwrap();
        assert_eq!(last.len(), 64 << 10);
        assert!(last.ends_with(b"\nthe end\n"));
        assert_eq!(last_bytes(&mut Cursor::new(b"short")).unwrap(), b"short");
    }
}
