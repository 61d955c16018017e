//! Links between pages, to files and to headings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::desk::ROOT;

/// What one page offers and what it refers to.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
    /// what stands in code font
    code: Vec<String>,
}

/// The anchor that a heading gets, on GitHub and in the book alike.
pub fn anchor(heading: &str) -> String {
    let kept =
        heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&heading.take().unwrap_or_default());
                let twice = (1..).map(|n| format!("{name}-{n}")).find(|other| !page.anchors.contains(other));
                let fresh = if page.anchors.contains(&name) { twice.unwrap_or_default() } else { name };
                page.anchors.insert(fresh);
            }
            Event::Text(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            Event::Code(text) => {
                heading.iter_mut().for_each(|heading| heading.push_str(&text));
                page.code.push(text.to_string());
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string());
            }
            _ => {}
        }
    }
    page
}

/// Every page of the repository's root and of the book, by its path from the root.
fn pages() -> BTreeMap<PathBuf, Page> {
    let mut all = BTreeMap::new();
    for folder in ["", "docs"] {
        for entry in std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                let name = path.strip_prefix(ROOT).unwrap().to_path_buf();
                all.insert(name, read(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    all
}

/// `docs/../README.md` as `README.md`.
fn plain(path: &Path) -> PathBuf {
    let mut all = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            all.pop();
        } else {
            all.push(part);
        }
    }
    all
}

/// Why a link leads nowhere.
fn broken(pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let to = if file.is_empty() { from.to_path_buf() } else { plain(&from.parent().unwrap().join(file)) };
    if !Path::new(ROOT).join(&to).exists() {
        return Some(format!("there is no `{}`", to.display()));
    }
    // the book is made of docs/ alone
    if from.starts_with("docs") && !to.starts_with("docs") {
        return Some("it leads out of the book: name the file in words".into());
    }
    let heading = heading?;
    match pages.get(&to) {
        Some(page) if page.anchors.contains(heading) => None,
        Some(_) => Some(format!("`{}` has no heading `{heading}`", to.display())),
        None => Some("only pages have headings".into()),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut wrong = Vec::new();
    for (name, page) in &pages {
        for link in &page.links {
            if let Some(why) = broken(&pages, name, link) {
                wrong.push(format!("{}: `{link}`: {why}", name.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let count: usize = pages.values().map(|page| page.links.len()).sum();
    assert!(pages.len() >= 10 && count >= 30, "{} pages with {count} links: where are the others?", pages.len());
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let pages = BTreeMap::from([
        (PathBuf::from("README.md"), read("# One thing\n\n# One thing\n")),
        (PathBuf::from("docs/guide.md"), read("## The `plan`, and *more*\n")),
    ]);
    let from_root = |link| broken(&pages, Path::new("README.md"), link);
    assert_eq!(from_root("docs/guide.md#the-plan-and-more"), None);
    assert_eq!(from_root("#one-thing-1"), None);
    assert_eq!(from_root("plans/"), None);
    assert!(from_root("docs/guide.md#the-plan").is_some());
    assert!(from_root("docs/guides.md").is_some());
    assert!(from_root("plans/cs940.yaml#disks").is_some());
    assert!(broken(&pages, Path::new("docs/guide.md"), "../README.md").is_some_and(|why| why.contains("book")));
}

/// A page that no chapter names is not in the book, and nobody finds it.
#[test]
fn the_book_has_every_page() {
    let pages = pages();
    let summary = Path::new("docs/SUMMARY.md");
    let named: BTreeSet<PathBuf> = pages[summary].links.iter().map(|link| Path::new("docs").join(link)).collect();
    let there = pages.keys().filter(|name| name.starts_with("docs") && *name != summary).cloned().collect();
    assert_eq!(named, there);
}

/// Files of this repository that a page names in code font are there.
#[test]
fn every_file_that_is_named_is_there() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, page) in &pages() {
        let ours = |code: &&String| {
            ["src/", "tests/", "docs/", "plans/", "schemas/", "benches/", ".ci/"]
                .iter()
                .any(|root| code.starts_with(root))
        };
        for code in page.code.iter().filter(ours) {
            let path = code.split(['*', ' ', '{', ':']).next().unwrap_or_default();
            let path = path.rsplit_once('/').filter(|_| code.contains('*')).map_or(path, |(folder, _)| folder);
            seen += 1;
            if !Path::new(ROOT).join(path).exists() {
                wrong.push(format!("{}: `{code}`", name.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not there:\n{}", wrong.join("\n"));
    assert!(seen > 50, "{seen} names of files: where are the others?");
}
