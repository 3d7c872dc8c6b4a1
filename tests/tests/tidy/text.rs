//! Rules on single Rust files: how long, how named, and what the core must not contain.

use crate::manifests::CORE;
use crate::tree::{Fault, Source};

/// The longest a Rust file may be, in lines; about 400 is the aim.
const LINES_MAX: usize = 600;

/// Names that say only that something had no better place.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "shared", "helper", "helpers", "misc", "stuff",
];

/// Crates whose values never leave the process as they are.
const INNER: &[&str] = &["event", "detector", "engine"];

pub(crate) fn length(source: &Source) -> Vec<Fault> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines, at most {LINES_MAX}: split it by responsibility");
    vec![source.fault(LINES_MAX + 1, what)]
}

pub(crate) fn module_names(source: &Source) -> Vec<Fault> {
    let empty = source
        .path
        .trim_end_matches(".rs")
        .split('/')
        .find(|part| EMPTY_NAMES.contains(part));
    let fault = |name| {
        let what = format!("`{name}` says nothing: name the module after what it does");
        source.fault(1, what)
    };
    empty.map(fault).into_iter().collect()
}

/// Work put off: it belongs in an issue, or done.
pub(crate) fn promises(source: &Source) -> Vec<Fault> {
    const MACROS: &[&str] = &["todo!", "unimplemented!"];
    const MARKS: &[&str] = &["TODO", "FIXME", "XXX"];
    let mut faults = Vec::new();
    for (number, line) in source.judged_lines() {
        let in_code = MACROS.iter().find(|m| line.contains(**m));
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let found = in_code
            .copied()
            .or_else(|| words.find(|word| MARKS.contains(word)));
        if let Some(found) = found {
            let what = format!("`{found}` promises work for later: do it, or file an issue");
            faults.push(source.fault(number, what));
        }
    }
    faults
}

/// No `async` in the core: waiting belongs to the edges.
pub(crate) fn core_is_synchronous(source: &Source) -> Vec<Fault> {
    if !in_src_of(source, CORE) {
        return Vec::new();
    }
    let asynchronous = |line: &str| {
        [".await", "async fn", "async move", "async {"]
            .iter()
            .any(|p| code_of(line).contains(p))
    };
    let what = "async in a core crate: wait in sources, sinks, store or cli and pass the value in";
    faults_where(source, asynchronous, what)
}

/// No core crate lifts the bans of `clippy.toml` as a whole; a test module may.
pub(crate) fn core_keeps_the_bans(source: &Source) -> Vec<Fault> {
    if !in_src_of(source, CORE) || !source.path.ends_with("src/lib.rs") {
        return Vec::new();
    }
    let mut open = false;
    let mut faults = Vec::new();
    for (number, line) in source.lines() {
        open |= line.starts_with("#![");
        if open && line.contains("disallowed_methods") {
            let what = "a core crate lifts the bans of clippy.toml: take the value as an argument";
            faults.push(source.fault(number, what));
        }
        open &= !line.trim_end().ends_with(']');
    }
    faults
}

/// What leaves the process has its own versioned type; the values inside derive no `Serialize`.
pub(crate) fn no_serialize_inside(source: &Source) -> Vec<Fault> {
    if !in_src_of(source, INNER) {
        return Vec::new();
    }
    let names_it = |line: &str| {
        let mut words = code_of(line).split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word == "Serialize")
    };
    faults_where(
        source,
        names_it,
        "inner types are not serialised: give report or store its own twin type",
    )
}

fn in_src_of(source: &Source, folders: &[&str]) -> bool {
    source.crate_folder().is_some_and(|folder| {
        folders.contains(&folder) && source.path.starts_with(&format!("crates/{folder}/src/"))
    })
}

/// The line up to its comment. `//` within a string cuts too much, which excuses, never accuses.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn faults_where(source: &Source, broken: impl Fn(&str) -> bool, what: &str) -> Vec<Fault> {
    let hits = source.judged_lines().filter(|(_, line)| broken(line));
    hits.map(|(number, _)| source.fault(number, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Source) -> Vec<Fault>, (path, text): (&str, &str), expected: &[usize]) {
        let source = Source {
            path: path.into(),
            text: text.into(),
        };
        let lines: Vec<usize> = rule(&source).iter().map(|f| f.line).collect();
        assert_eq!(lines, expected, "{path}: {text}");
    }

    #[test]
    fn a_long_file_is_a_fault() {
        check(length, ("a.rs", &"x\n".repeat(600)), &[]);
        check(length, ("a.rs", &"x\n".repeat(601)), &[601]);
    }

    #[test]
    fn an_empty_name_is_a_fault() {
        check(module_names, ("crates/event/src/utils.rs", ""), &[1]);
        check(module_names, ("tests/tests/common/mod.rs", ""), &[1]);
        check(module_names, ("crates/event/src/commonplace.rs", ""), &[]);
    }

    #[test]
    fn a_promise_is_a_fault() {
        check(promises, ("a.rs", "// TODO: later"), &[1]);
        check(promises, ("a.rs", "fn f() { todo!() }"), &[1]);
        check(promises, ("a.rs", "let key = \"AKIAXXXXEXAMPLE\";"), &[]);
        check(promises, ("a.rs", "fn todos() {}"), &[]);
    }

    #[test]
    fn waiting_in_the_core_is_a_fault() {
        check(
            core_is_synchronous,
            ("crates/engine/src/a.rs", "\nasync fn f() {}"),
            &[2],
        );
        check(
            core_is_synchronous,
            ("crates/engine/src/a.rs", "// no async fn here"),
            &[],
        );
        check(
            core_is_synchronous,
            ("crates/sources/src/a.rs", "async fn f() {}"),
            &[],
        );
    }

    #[test]
    fn lifting_the_bans_in_the_core_is_a_fault() {
        let lifted = "//! x\n#![allow(\n    clippy::disallowed_methods,\n)]\n";
        check(
            core_keeps_the_bans,
            ("crates/event/src/lib.rs", lifted),
            &[3],
        );
        check(core_keeps_the_bans, ("crates/cli/src/lib.rs", lifted), &[]);
        let in_tests = "mod tests {\n    #![allow(clippy::disallowed_methods)]\n}";
        check(
            core_keeps_the_bans,
            ("crates/event/src/lib.rs", in_tests),
            &[],
        );
    }

    #[test]
    fn serialising_an_inner_type_is_a_fault() {
        let derived = "#[derive(Debug, Serialize)]";
        check(
            no_serialize_inside,
            ("crates/detector/src/a.rs", derived),
            &[1],
        );
        check(
            no_serialize_inside,
            ("crates/report/src/a.rs", derived),
            &[],
        );
        check(
            no_serialize_inside,
            ("crates/detector/src/a.rs", "#[derive(Deserialize)]"),
            &[],
        );
    }
}
