//! Which crate may depend on which: arrows point down only, and the core pulls in no world.
//!
//! The reasons are in `docs/decisions/0001-layout.md`.

use std::collections::BTreeMap;

use crate::tree::{Fault, Source};

/// Each crate's folder and the folders of ours it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("parser", &["event"]),
    ("baseline", &["event"]),
    ("detector", &["event", "baseline"]),
    ("engine", &["event", "baseline", "detector"]),
    ("store", &["event", "baseline", "detector"]),
    ("sources", &[]),
    ("sinks", &[]),
    ("report", &["event", "baseline", "detector"]),
    ("simulator", &[]),
    (
        "cli",
        &[
            "event",
            "parser",
            "baseline",
            "detector",
            "engine",
            "store",
            "sources",
            "sinks",
            "report",
            "simulator",
        ],
    ),
];

/// What the tests of every crate may be fed from.
const TEST_INPUTS: &[&str] = &["simulator", "moto"];

/// The crates that do no IO, read no clock, start no thread and draw no chance of their own.
pub(crate) const CORE: &[&str] = &[
    "event",
    "parser",
    "baseline",
    "detector",
    "engine",
    "report",
    "simulator",
];

/// Crates of others that bring the world along; an entry ending in `-` bans the whole family.
const WORLD: &[&str] = &[
    "tokio", "tokio-", "aws-", "rusqlite", "walkdir", "reqwest", "hyper", "mio", "rayon",
];

/// The names by which the root manifest lets crates be called, and the packages they stand for.
pub(crate) fn renames(root_manifest: &str) -> BTreeMap<String, String> {
    let root: toml::Table = root_manifest
        .parse()
        .expect("cargo has read the root manifest");
    let listed = root.get("workspace").and_then(|w| w.get("dependencies"));
    let Some(listed) = listed.and_then(|d| d.as_table()) else {
        return BTreeMap::new();
    };
    listed
        .iter()
        .map(|(key, value)| (key.clone(), package_of(key, value)))
        .collect()
}

fn package_of(key: &str, value: &toml::Value) -> String {
    value
        .get("package")
        .and_then(|p| p.as_str())
        .unwrap_or(key)
        .to_owned()
}

struct Dependency {
    package: String,
    line: usize,
    for_tests: bool,
}

/// Every dependency a manifest names, also those under `[target.…]`.
fn dependencies(manifest: &Source, renames: &BTreeMap<String, String>) -> Vec<Dependency> {
    let table: toml::Table = match manifest.text.parse() {
        Ok(table) => table,
        Err(e) => panic!(
            "{}: cargo reads this manifest, tidy can't: {e}",
            manifest.path
        ),
    };
    let targets = table.get("target").and_then(|t| t.as_table());
    let of_targets = targets
        .into_iter()
        .flat_map(|t| t.values())
        .filter_map(|t| t.as_table());
    let mut found = Vec::new();
    for part in std::iter::once(&table).chain(of_targets) {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(listed) = part.get(kind).and_then(|d| d.as_table()) else {
                continue;
            };
            found.extend(listed.iter().map(|(key, value)| {
                let inherited = value.get("workspace").is_some();
                let known = renames.get(key).filter(|_| inherited).cloned();
                Dependency {
                    package: known.unwrap_or_else(|| package_of(key, value)),
                    line: line_of(&manifest.text, key),
                    for_tests: kind == "dev-dependencies",
                }
            }));
        }
    }
    found
}

fn line_of(text: &str, key: &str) -> usize {
    let named = |line: &str| {
        let rest = line.trim_start().strip_prefix(key)?;
        rest.starts_with([' ', '=', '.']).then_some(())
    };
    text.lines()
        .position(|line| named(line).is_some())
        .map_or(1, |i| i + 1)
}

/// Faults where a crate of ours depends on another that lies beside or above it.
pub(crate) fn arrows(manifest: &Source, renames: &BTreeMap<String, String>) -> Vec<Fault> {
    let folder = manifest
        .crate_folder()
        .expect("only manifests below crates/ are asked about");
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == folder) else {
        let what = format!("crate {folder} has no place yet: give it arrows in ARROWS of tidy");
        return vec![manifest.fault(1, what)];
    };
    let ours = |d: &Dependency| d.package.strip_prefix("offtrail-").map(str::to_owned);
    let mut faults = Vec::new();
    for dependency in dependencies(manifest, renames) {
        let Some(target) = ours(&dependency) else {
            continue;
        };
        let test_input = dependency.for_tests && TEST_INPUTS.contains(&target.as_str());
        if !test_input && !allowed.contains(&target.as_str()) {
            let what = format!(
                "{folder} must not depend on {target} (allowed: {}): move the type down, or let cli pass it in",
                if allowed.is_empty() {
                    "none of ours".to_owned()
                } else {
                    allowed.join(", ")
                },
            );
            faults.push(manifest.fault(dependency.line, what));
        }
    }
    faults
}

/// Faults where a core crate depends on something that does IO, runs tasks or starts threads.
pub(crate) fn core_dependencies(
    manifest: &Source,
    renames: &BTreeMap<String, String>,
) -> Vec<Fault> {
    if !manifest
        .crate_folder()
        .is_some_and(|folder| CORE.contains(&folder))
    {
        return Vec::new();
    }
    let worldly = |package: &str| {
        WORLD
            .iter()
            .any(|w| package == *w || (w.ends_with('-') && package.starts_with(w)))
    };
    dependencies(manifest, renames)
        .into_iter()
        .filter(|d| !d.for_tests && worldly(&d.package))
        .map(|d| {
            let what = format!(
                "{} has no place in a core crate: do the IO in sources, sinks, store or cli and pass the value in",
                d.package,
            );
            manifest.fault(d.line, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &str, text: &str) -> Source {
        Source {
            path: format!("crates/{folder}/Cargo.toml"),
            text: text.into(),
        }
    }

    fn check_arrows(folder: &str, text: &str, expected: &[(usize, &str)]) {
        let renames = renames("[workspace.dependencies]\nev = { package = \"offtrail-engine\" }");
        let faults = arrows(&manifest(folder, text), &renames);
        let got: Vec<_> = faults.iter().map(|f| (f.line, f.what.as_str())).collect();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        for ((line, what), (expected_line, part)) in got.iter().zip(expected) {
            assert_eq!(line, expected_line);
            assert!(what.contains(part), "{what}");
        }
    }

    #[test]
    fn an_arrow_down_is_fine() {
        check_arrows(
            "parser",
            "[dependencies]\nofftrail-event.workspace = true\nserde = \"1\"",
            &[],
        );
        check_arrows(
            "cli",
            "[dependencies]\nofftrail-store.workspace = true",
            &[],
        );
    }

    #[test]
    fn an_arrow_up_is_a_fault_however_it_is_written() {
        let up = [(2, "event must not depend on engine")];
        check_arrows(
            "event",
            "[dependencies]\nofftrail-engine = { path = \"../engine\" }",
            &up,
        );
        check_arrows(
            "event",
            "[dev-dependencies]\nofftrail-engine.workspace = true",
            &up,
        );
        check_arrows(
            "event",
            "[dependencies]\nx = { package = \"offtrail-engine\" }",
            &up,
        );
        check_arrows("event", "[dependencies]\nev.workspace = true", &up);
        check_arrows(
            "event",
            "[target.'cfg(unix)'.dependencies]\nofftrail-engine = \"0.1\"",
            &up,
        );
    }

    #[test]
    fn tests_of_any_crate_may_use_the_simulator() {
        check_arrows(
            "event",
            "[dev-dependencies]\nofftrail-simulator.workspace = true",
            &[],
        );
        let fault = [(2, "must not depend on simulator")];
        check_arrows(
            "event",
            "[dependencies]\nofftrail-simulator.workspace = true",
            &fault,
        );
    }

    #[test]
    fn a_new_crate_must_be_given_its_place() {
        check_arrows("magic", "", &[(1, "no place yet")]);
    }

    #[test]
    fn the_core_pulls_in_no_world() {
        let of = |folder, text| core_dependencies(&manifest(folder, text), &BTreeMap::new()).len();
        assert_eq!(
            of(
                "parser",
                "[dependencies]\naws-sdk-s3 = \"1\"\ntokio = \"1\"\nserde = \"1\""
            ),
            2
        );
        assert_eq!(of("sources", "[dependencies]\naws-sdk-s3 = \"1\""), 0);
        assert_eq!(of("parser", "[dev-dependencies]\nwalkdir = \"2\""), 0);
    }
}
