//! What is wrong with a plan, shown as a compiler would: the place, the line, the reason, the remedy.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::source::{At, Source, Span};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The plan cannot be used.
    Error,
    /// The plan can be used, and a person should know.
    Warning,
}

/// One thing wrong or noteworthy.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Stable, `R` and four digits.
    pub code: &'static str,
    /// One line, lower case, without a full stop.
    pub message: String,
    /// Where, and what is to be seen there. None for a file that cannot be read.
    pub primary: Option<(Span, String)>,
    /// Other places that belong to it.
    pub secondary: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        let (severity, message) = (Severity::Error, message.into());
        Diagnostic { severity, code, message, primary: None, secondary: Vec::new(), help: None }
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// The place it is about.
    pub(super) fn at(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.primary = Some((span, label.into()));
        self
    }

    /// The value it is about. One that came through an alias is shown where it was written, too.
    pub(super) fn on<T>(mut self, value: &At<T>, label: impl Into<String>) -> Diagnostic {
        self.primary = value.span().map(|span| (span, label.into()));
        if let Some(defined) = value.defined() {
            self = self.also(defined, "defined here");
        }
        self
    }

    /// Another place that belongs to it.
    pub(super) fn also(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.secondary.push((span, label.into()));
        self
    }

    /// Another value that belongs to it.
    pub(super) fn and<T>(self, value: &At<T>, label: impl Into<String>) -> Diagnostic {
        match value.span() {
            Some(span) => self.also(span, label),
            None => self,
        }
    }

    /// What to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub(super) fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.primary.iter().chain(&self.secondary).map(|(span, _)| *span)
    }
}

/// So many are told: more say nothing more, and take their time.
pub(super) const MOST: usize = 200;

/// What was found in one file, in the order of its lines; of very much, the first.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    source: Source,
    list: Vec<Diagnostic>,
    /// there is more, which is not told
    more: bool,
}

impl Diagnostics {
    pub(super) fn new(source: Source, mut list: Vec<Diagnostic>) -> Diagnostics {
        list.sort_by_key(|diagnostic| (diagnostic.primary.as_ref().map(|(span, _)| *span), diagnostic.severity));
        let more = list.len() > MOST;
        if more {
            // no warning may take the place of an error
            list.sort_by_key(|diagnostic| diagnostic.severity);
            list.truncate(MOST);
        }
        Diagnostics { source, list, more }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The file they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// For people: every one with its lines, then how many.
    pub fn render(&self, color: bool) -> String {
        if self.list.is_empty() {
            return String::new();
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for diagnostic in &self.list {
            text.push_str(&self.render_one(&renderer, diagnostic));
            text.push_str("\n\n");
        }
        text.push_str(&self.count());
        text.push_str(if self.more { "; there is more, but correct these first\n" } else { "\n" });
        text
    }

    fn render_one(&self, renderer: &Renderer, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(&diagnostic.message)
            .id(diagnostic.code)
            .elements([] as [Snippet<'_, annotate_snippets::Annotation<'_>>; 0]);
        if let Some((span, label)) = &diagnostic.primary {
            // the lines that it is about, and no others: a plan can be long, and have many faults
            let text = &*self.source.text;
            let (first, last) = diagnostic
                .spans()
                .map(|span| self.visible(span))
                .fold((text.len(), 0), |(first, last), span| (first.min(span.start), last.max(span.end)));
            let first = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
            let last = text[last..].find('\n').map_or(text.len(), |newline| last + newline + 1);
            let within = |span: Span| {
                let span = self.visible(span);
                span.start - first..span.end - first
            };
            let primary = AnnotationKind::Primary.span(within(*span)).label(label);
            let others = diagnostic.secondary.iter();
            let others = others.map(|(span, label)| AnnotationKind::Context.span(within(*span)).label(label));
            let snippet = Snippet::source(&text[first..last])
                .line_start(text[..first].matches('\n').count() + 1)
                .path(&*self.source.name);
            group = group.element(snippet.annotation(primary).annotations(others));
        } else {
            group = group.element(annotate_snippets::Origin::path(&*self.source.name));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// The part of a span that is on its first line: a mapping is pointed at, not painted.
    fn visible(&self, span: Span) -> std::ops::Range<usize> {
        let range = span.range();
        let text = &self.source.text[range.clone()];
        range.start..range.start + text.find('\n').unwrap_or(text.len())
    }

    /// `2 errors and 1 warning in plans/cs940.yaml`.
    fn count(&self) -> String {
        let number = |severity, word: &str| {
            let number = self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count();
            (number > 0).then(|| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
        };
        let counts: Vec<_> =
            [number(Severity::Error, "error"), number(Severity::Warning, "warning")].into_iter().flatten().collect();
        format!("{} in {}", counts.join(" and "), self.source.name)
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let span = |(span, label): &(Span, String)| {
            let place = self.source.place(*span);
            json!({ "line": place.line, "column": place.column, "start": span.start, "end": span.end, "label": label })
        };
        let one = |diagnostic: &Diagnostic| {
            json!({
                "code": diagnostic.code,
                "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
                "message": diagnostic.message,
                "primary": diagnostic.primary.as_ref().map(span),
                "secondary": diagnostic.secondary.iter().map(span).collect::<Vec<_>>(),
                "help": diagnostic.help,
            })
        };
        let all: Vec<_> = self.list.iter().map(one).collect();
        json!({ "file": &*self.source.name, "diagnostics": all, "more": self.more })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostics {}
