//! mdadm.conf(5), by its grammar: words between blanks, quotes, comments from a `#`, and a line that begins with a blank
//! goes on with the one before it, comments and empty lines in between or not. Keywords may be written in any case, and
//! be cut to three letters.

/// An entry: its keyword, in full and in small letters, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `array`, `devices`, `auto`; what is none as it is written
    pub keyword: String,
    /// its words, without comments: `ARRAY`, `/dev/md0`, `UUID=…`
    pub words: Vec<String>,
    /// its lines, from 0
    lines: Vec<usize>,
}

const KEYWORDS: &[&str] = &[
    "devices",
    "array",
    "mailaddr",
    "mailfrom",
    "program",
    "create",
    "homehost",
    "homecluster",
    "auto",
    "policy",
    "part-policy",
    "sysfs",
    "monitordelay",
];

/// The entries of mdadm.conf(5): a line that begins with a blank goes on with the one before.
pub fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut words = words_of(line).into_iter();
        if line.starts_with([' ', '\t']) {
            if let Some(entry) = entries.last_mut().filter(|_| words.len() > 0) {
                entry.words.extend(words);
                entry.lines.push(at);
            }
        } else if let Some(first) = words.next() {
            let small = first.to_ascii_lowercase();
            let known = KEYWORDS.iter().find(|keyword| small.len() >= 3 && keyword.starts_with(&small));
            let keyword = known.map_or(first, |keyword| keyword.to_string());
            entries.push(Entry { keyword, words: words.collect(), lines: vec![at] });
        }
    }
    entries
}

fn words_of(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        match letters.peek() {
            None | Some('#') => return words,
            Some(_) => {}
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(letter) = letters.next_if(|letter| quote.is_some() || !letter.is_whitespace()) {
            match quote {
                Some(open) if open == letter => quote = None,
                None if letter == '"' || letter == '\'' => quote = Some(letter),
                _ => word.push(letter),
            }
        }
        words.push(word);
    }
}

impl Entry {
    /// What stands behind `key=`, in any case.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.words.iter().find_map(|word| {
            let (name, value) = word.split_once('=')?;
            name.eq_ignore_ascii_case(key).then_some(value)
        })
    }

    /// A list of devices that leaves out some which the kernel has.
    pub(crate) fn narrows(&self) -> bool {
        self.keyword == "devices" && !self.words.iter().any(|word| word.eq_ignore_ascii_case("partitions"))
    }

    /// An array by something else than its UUID: its name, its number, the names of its members. Another array may have the
    /// same, and mdadm(8) takes neither then.
    pub(crate) fn is_vague(&self) -> bool {
        self.keyword == "array" && self.value("uuid").is_none()
    }
}

/// The text without the lines of some entries.
pub fn without(text: &str, goes: impl Fn(&Entry) -> bool) -> String {
    let entries = entries(text);
    let gone: Vec<usize> = entries.iter().filter(|entry| goes(entry)).flat_map(|entry| entry.lines.clone()).collect();
    let kept = text.lines().enumerate().filter(|(at, _)| !gone.contains(at));
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# DEVICE /dev/sdx
DEVICE /dev/sda1 \"/dev/disk/by-id/a b\" # ARRAY in a comment
dev containers

Array /dev/md0 level=raid1
   # still of the same
   UUID=1:2:3:4

   devices=/dev/sda1,/dev/sdb1
ARR <ignore> uuid=5:6:7:8
arra /dev/md1 name=srv:1
homehost <system>
";

    #[test]
    fn entries_are_found_in_every_spelling() {
        let all = entries(TEXT);
        let said: Vec<(&str, usize)> = all.iter().map(|entry| (entry.keyword.as_str(), entry.words.len())).collect();
        let wants = [("devices", 2), ("devices", 1), ("array", 4), ("array", 2), ("array", 2), ("homehost", 1)];
        assert_eq!(said, wants);
        assert_eq!(all[0].words[1], "/dev/disk/by-id/a b");
        assert_eq!((all[2].value("uuid"), all[3].value("uuid")), (Some("1:2:3:4"), Some("5:6:7:8")));
        assert_eq!(all.iter().filter(|entry| entry.is_vague()).count(), 1);
        assert_eq!(all.iter().filter(|entry| entry.narrows()).count(), 2);
    }

    #[test]
    fn an_entry_goes_with_all_its_lines() {
        let left = without(TEXT, |entry| entry.keyword == "array" || entry.narrows());
        assert_eq!(left, "# DEVICE /dev/sdx\n\n   # still of the same\n\nhomehost <system>\n");
        assert_eq!(entries(&left).len(), 1);
        assert_eq!(without(TEXT, |_| false), TEXT);
    }
}
