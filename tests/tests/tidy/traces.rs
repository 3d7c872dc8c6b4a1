//! No tracked file knows the machine it was written on: no home folder, no package registry's host.

use std::process::Command;

use crate::tree::{Fault, Source, root};

/// Beginnings of absolute paths that only one machine has.
const PATHS: &[&str] = &["/work/", "/root/"];

/// Hosts of package registries: where packages come from is the user's configuration.
const HOSTS: &[&str] = &[
    "crates.io",
    "pypi.org",
    "pythonhosted.org",
    "registry.npmjs.org",
    "deb.debian.org",
    "proxy.golang.org",
];

/// The text files git tracks, or would on the next `git add`.
///
/// # Errors
/// Why git could not list them, in its own words.
pub(crate) fn tracked_files() -> Result<Vec<Source>, String> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .map_err(|e| format!("git did not start: {e}"))?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).trim().to_owned());
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let read = |path: &str| {
        // Data may be no text; a file may be gone by now.
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(Source {
            path: path.to_owned(),
            text,
        })
    };
    Ok(names
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(read)
        .collect())
}

pub(crate) fn find(source: &Source) -> Vec<Fault> {
    // Cargo writes the registry's name into its lock files itself.
    if source.path.ends_with("Cargo.lock") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in source.judged_lines() {
        if let Some(path) = PATHS.iter().find(|path| starts_a_path(line, path)) {
            let what =
                format!("`{path}` is a path of one machine: build it from the workspace's root");
            faults.push(source.fault(number, what));
        }
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            let what = format!("`{host}` is a registry's host: name the package instead");
            faults.push(source.fault(number, what));
        }
    }
    faults
}

/// Whether `path` stands in `line` as the beginning of a path, not in the middle of one.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let inside = |c: char| c.is_alphanumeric() || "_-.}$*/".contains(c);
        !line[..at].ends_with(inside) || line[..at].ends_with("file://")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: usize) {
        let faults = find(&Source {
            path: path.into(),
            text: text.into(),
        });
        assert_eq!(faults.len(), expected, "{text}: {faults:?}");
    }

    #[test]
    fn a_machines_path_is_found() {
        check("a.md", "see /work/main/x", 1);
        check("a.md", "\"file:///root/x\"", 1);
        check("a.md", "arn:aws:iam::1:user/root/x and $DIR/work/x", 0);
    }

    #[test]
    fn a_registrys_host_is_found() {
        check("a.md", "from https://pypi.org/simple", 1);
        check("Cargo.lock", "registry+https://x/crates.io-index", 0);
    }
}
