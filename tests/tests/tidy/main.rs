//! Rules of the house that a compiler does not know, checked on the source tree itself.
//!
//! The idea is rust-lang's `tidy`: a convention that nothing checks is forgotten. Each rule is a pure
//! function from a path and a text to faults, with its own tests beside it; this file walks the tree
//! and shows every fault with its place and its remedy.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests are an edge: they read the tree and say what they could not check"
)]

mod limits;
mod manifests;
mod text;
mod traces;
mod tree;
mod words;

use tree::{Fault, Source, Tree};

/// Runs `rule` on every source that `wanted` picks, and fails with all faults at once.
fn check_tree(wanted: impl Fn(&str) -> bool, rule: impl Fn(&Source) -> Vec<Fault>) {
    let tree = Tree::read();
    let picked: Vec<&Source> = tree.sources.iter().filter(|s| wanted(&s.path)).collect();
    assert!(
        !picked.is_empty(),
        "the rule looked at no file: is the tree where it was?"
    );
    fail_on(picked.into_iter().flat_map(rule).collect());
}

fn fail_on(faults: Vec<Fault>) {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} faults:\n{}\n",
        lines.len(),
        lines.join("\n")
    );
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_prose(path: &str) -> bool {
    path.ends_with(".md") && (path.starts_with("docs/") || !path.contains('/'))
}

fn is_manifest(path: &str) -> bool {
    path.starts_with("crates/") && path.ends_with("/Cargo.toml")
}

#[test]
fn crates_depend_downwards_only() {
    let tree = Tree::read();
    let renames = manifests::renames(&tree.text_of("Cargo.toml"));
    check_tree(is_manifest, |s| manifests::arrows(s, &renames));
}

#[test]
fn the_core_has_no_world() {
    let tree = Tree::read();
    let renames = manifests::renames(&tree.text_of("Cargo.toml"));
    check_tree(is_manifest, |s| manifests::core_dependencies(s, &renames));
    check_tree(is_rust, text::core_is_synchronous);
    check_tree(is_rust, text::core_keeps_the_bans);
}

#[test]
fn inner_values_are_not_serialised() {
    check_tree(is_rust, text::no_serialize_inside);
}

#[test]
fn files_stay_readable() {
    check_tree(is_rust, text::length);
}

#[test]
fn modules_are_named_after_what_they_do() {
    check_tree(is_rust, text::module_names);
}

#[test]
fn nothing_is_left_for_later() {
    check_tree(|p| is_rust(p) || is_prose(p), text::promises);
}

#[test]
fn one_word_has_one_meaning() {
    let wanted = |p: &str| is_rust(p) || (is_prose(p) && p != words::GLOSSARY);
    check_tree(wanted, words::banned);
}

#[test]
fn banned_words_are_in_the_glossary() {
    let tree = Tree::read();
    fail_on(words::missing_from_glossary(&tree.text_of(words::GLOSSARY)));
}

#[test]
fn documented_limits_exist() {
    let tree = Tree::read();
    let code: Vec<&str> = tree
        .sources
        .iter()
        .filter(|s| s.path.starts_with("crates/") && !s.path.ends_with(".md"))
        .map(|s| s.text.as_str())
        .collect();
    fail_on(limits::rows_exist(&tree.text_of(limits::DOCUMENT), &code));
}

#[test]
fn no_file_knows_a_machine() {
    match traces::tracked_files() {
        Ok(sources) => fail_on(sources.iter().flat_map(traces::find).collect()),
        Err(reason) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must be able to list tracked files: {reason}"
            );
            eprintln!("not checked, no list of tracked files: {reason}");
        }
    }
}
