//! The source tree as values: which files there are, what they say, and where a rule is broken.

use std::fmt;
use std::path::{Path, PathBuf};

/// One text file: its path from the root of the workspace, with `/`, and what it says.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    /// The lines that `tidy: allow`, on the line itself or alone on the one before, does not excuse.
    /// The rules spell out what they forbid, so their own files have none.
    pub(crate) fn judged_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut excused_next = false;
        let is_rule = self.path.starts_with("tests/tests/tidy/");
        self.lines().filter(move |(_, line)| {
            let marked = line.contains("tidy: allow");
            let excused = marked || excused_next;
            excused_next = marked && is_comment(line);
            !excused && !is_rule
        })
    }

    /// The folder under `crates/` this file belongs to, if it does.
    pub(crate) fn crate_folder(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    pub(crate) fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("<!--")
}

/// A broken rule: where, what is wrong, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Our own text files: Rust, manifests and prose, sorted by path.
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
}

impl Tree {
    pub(crate) fn read() -> Tree {
        let mut sources = Vec::new();
        walk(&root(), "", &mut sources);
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Tree { sources }
    }

    /// What the file at `path` says; a rule that lost its file fails here.
    pub(crate) fn text_of(&self, path: &str) -> String {
        match self.sources.iter().find(|s| s.path == path) {
            Some(source) => source.text.clone(),
            None => panic!("{path} is missing: a rule of the house is read from it"),
        }
    }
}

/// The root of the workspace: this package lies directly below it.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the tests package lies in a folder of the workspace")
        .to_path_buf()
}

fn walk(folder: &Path, prefix: &str, sources: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let built = matches!(name.as_str(), "target" | "node_modules" | "corpus");
        if name.starts_with('.') || built {
            continue;
        }
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            walk(&entry.path(), &format!("{path}/"), sources);
        } else if [".rs", ".toml", ".md"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            // A file may vanish while an editor saves it; one that is no text is another rule's matter.
            if let Ok(text) = std::fs::read_to_string(entry.path()) {
                sources.push(Source { path, text });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Vec<usize> {
        let source = Source {
            path: "a.rs".into(),
            text: text.into(),
        };
        source.judged_lines().map(|(number, _)| number).collect()
    }

    #[test]
    fn a_marker_excuses_its_line_or_the_next() {
        assert_eq!(judged("a\nb // tidy: allow (AWS's word)\nc"), [1, 3]);
        assert_eq!(judged("a\n// tidy: allow (AWS's word)\nb\nc"), [1, 4]);
        assert_eq!(judged("<!-- tidy: allow -->\na\nb"), [3]);
    }

    #[test]
    fn a_source_knows_its_crate() {
        let source = |path: &str| Source {
            path: path.into(),
            text: String::new(),
        };
        assert_eq!(
            source("crates/event/src/lib.rs").crate_folder(),
            Some("event")
        );
        assert_eq!(source("tests/src/lib.rs").crate_folder(), None);
    }
}
