//! Exports in every format: inert whatever names hold, listed by a manifest, and checked against the baseline they came from.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and read what it wrote"
)]

use std::{fs, path::Path};

use offtrail_tests::{
    binary::{assert_same, json, tree},
    offtrail,
    worker::{ACCOUNT, learnt, record},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Names that act in a page, a terminal, an eye, a spreadsheet or a table.
const HOSTILE: [&str; 10] = [
    "<script>confirm(1)</script>",
    "<img src=x onerror=confirm(1)>",
    "\u{1b}[2J\u{1b}[31mgone",
    "admin\u{202e}gnp.exe",
    "a\u{200b}b\u{feff}\u{2066}c",
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "-2+3",
    "@SUM(A1:A9)",
    "`end` | cell |\n\n# heading [x](javascript:confirm(1))",
];

/// A user of that name.
fn user(name: &str, number: usize) -> Value {
    json!({"userIdentity": {
        "type": "IAMUser",
        "principalId": format!("AIDAEXAMPLE00000010{number}"),
        "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAEXAMPLE000000001",
        "userName": name
    }})
}

/// A baseline in which everything that comes from outside is hostile.
fn hostile(folder: &Path) -> std::path::PathBuf {
    let records: Vec<String> = (0..)
        .zip(HOSTILE)
        .flat_map(|(number, name)| {
            let named = record(number, 1, ("iam", "ListUsers"), &user(name, number));
            let called = record(100 + number, 2, ("iam", name), &json!({}));
            let mut source = json!({});
            source["eventSource"] = name.into();
            [
                named,
                called,
                record(200 + number, 3, ("", "Call"), &source),
            ]
        })
        .collect();
    learnt(folder, &records)
}

fn export(baseline: &Path, dir: &Path, format: &str) {
    offtrail!["baseline", "export", dir, "--baseline", baseline]
        .args(["--format", format])
        .ok();
}

/// Whether a character shows nothing, moves the cursor or turns the direction of writing.
fn is_live(char: char) -> bool {
    (char.is_control() && char != '\n')
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[test]
fn hostile_names_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = hostile(folder.path());
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("index.md"), "").unwrap();
    let mut texts: Vec<(String, String)> = Vec::new();
    for format in ["toml", "json", "csv", "markdown", "jsonl"] {
        let dir = folder.path().join(format);
        export(&baseline, &dir, format);
        for (path, bytes) in tree(&dir) {
            let name = path.to_str().unwrap().to_owned();
            assert!(name.is_ascii(), "{name}");
            texts.push((
                format!("{format} {name}"),
                String::from_utf8(bytes).unwrap(),
            ));
        }
    }
    for format in ["text", "markdown", "sarif", "jsonl"] {
        let text = offtrail!["baseline", "diff", &empty, &baseline, "--format", format].ok();
        texts.push((format!("diff {format}.{format}"), text));
    }
    let markdown = |name: &str| name.ends_with(".md") || name.ends_with(".markdown");
    for (name, text) in &texts {
        assert!(!text.contains(is_live), "{name}: {text:?}");
        if markdown(name) {
            assert!(!text.contains(['<', '>', '&']), "{name}: {text}");
            for line in text.lines() {
                assert_eq!(line.matches('`').count() % 2, 0, "{name}: {line}");
                // What is not between backticks is ours.
                let ours: String = line.split('`').step_by(2).collect();
                for bad in ["javascript", "](", "@SUM", "heading"] {
                    assert!(!ours.contains(bad), "{name}: {line}");
                }
            }
        }
    }
    let shown = |wanted: &str| {
        texts
            .iter()
            .filter(|(_, text)| text.contains(wanted))
            .count()
    };
    assert!(shown("confirm(1)") > 5, "the names are there");
}

#[test]
fn cells_are_text_and_rows_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = hostile(folder.path());
    let dir = folder.path().join("csv");
    export(&baseline, &dir, "csv");
    for (name, rows) in [("principals.csv", 11), ("calls.csv", 30)] {
        let mut reader = csv::Reader::from_path(dir.join(name)).unwrap();
        let mut count = 0;
        for row in reader.records() {
            for cell in &row.unwrap() {
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                    "{cell}"
                );
            }
            count += 1;
        }
        assert_eq!(count, rows, "{name}");
    }
    let text = fs::read_to_string(dir.join("principals.csv")).unwrap();
    assert!(text.contains("'=cmd|' /C calc'!A0"), "{text}");
}

#[test]
fn json_tells_what_the_review_text_tells() {
    let folder = tempfile::tempdir().unwrap();
    let denied = json!({"errorCode": "AccessDenied"});
    let baseline = learnt(
        folder.path(),
        &[
            record(1, 1, ("iam", "CreateAccessKey"), &json!({})),
            record(2, 2, ("s3", "ListBuckets"), &denied),
        ],
    );
    let dir = folder.path().join("json");
    export(&baseline, &dir, "json");
    let path = format!("{ACCOUNT}/iam_user/worker-AIDAEXAMPLE000000001.json");
    let value = json(&fs::read_to_string(dir.join(path)).unwrap());
    assert_eq!(value["name"], "worker");
    let calls = value["calls"].as_array().unwrap();
    let told = |index: usize, keys: [&str; 5]| keys.map(|key| calls[index][key].clone());
    assert_eq!(
        told(0, ["call", "outcome", "access", "sensitivity", "since"]),
        [
            "iam:CreateAccessKey",
            "succeeded",
            "write",
            "severe",
            "2026-06-01"
        ]
    );
    assert_eq!(
        told(1, ["call", "outcome", "access", "sensitivity", "standing"]),
        [
            "s3:ListBuckets",
            "denied",
            "list",
            "ordinary-write",
            "learnt"
        ]
    );
}

/// Holds the manifest against the files, as `sha256sum -c` would.
fn assert_listed(dir: &Path) {
    let manifest = fs::read_to_string(dir.join("MANIFEST.sha256")).unwrap();
    let lines: Vec<&str> = manifest.lines().collect();
    let mut paths = Vec::new();
    for line in &lines {
        let (told, path) = line.split_once("  ").unwrap();
        let digest = Sha256::digest(fs::read(dir.join(path)).unwrap());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(told, digest, "{path}");
        paths.push(path);
    }
    assert!(paths.is_sorted());
    assert_eq!(tree(dir).len(), paths.len() + 1, "{paths:?}");
}

#[test]
fn a_manifest_lists_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let both = learnt(
        folder.path(),
        &[
            record(1, 1, ("iam", "ListUsers"), &json!({})),
            record(2, 1, ("iam", "ListUsers"), &user("neighbour", 1)),
        ],
    );
    let alone = tempfile::tempdir().unwrap();
    let one = learnt(
        alone.path(),
        &[record(1, 1, ("iam", "ListUsers"), &json!({}))],
    );
    for format in ["toml", "json", "csv", "markdown", "jsonl"] {
        let dir = folder.path().join(format);
        export(&both, &dir, format);
        assert_listed(&dir);
        // Whatever else lies there stays.
        export(&one, &dir, format);
        assert_listed(&dir);
        let text: String = tree(&dir)
            .iter()
            .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        assert!(!text.contains("neighbour"), "{format}: {text}");
        let other = if format == "csv" { "json" } else { "csv" };
        offtrail![
            "baseline",
            "export",
            &dir,
            "--baseline",
            &one,
            "--format",
            other
        ]
        .run()
        .fails_saying(&["in another format", format, "--force"]);
        offtrail![
            "baseline",
            "export",
            &dir,
            "--baseline",
            &one,
            "--format",
            other,
            "--force"
        ]
        .ok();
        assert_listed(&dir);
    }
}

#[test]
fn an_import_leaves_the_manifest_alone_and_the_export_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(
        folder.path(),
        &[record(1, 1, ("iam", "ListUsers"), &json!({}))],
    );
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    export(&baseline, &before, "toml");
    offtrail![
        "baseline",
        "import",
        &before,
        "--baseline",
        &baseline,
        "--reviewer",
        "ana",
        "--quiet"
    ]
    .ok();
    export(&baseline, &after, "toml");
    assert_same("import", &tree(&before), &tree(&after));
}

#[test]
fn a_check_tells_what_was_not_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(
        folder.path(),
        &[record(1, 1, ("iam", "ListUsers"), &json!({}))],
    );
    let dir = folder.path().join("review");
    export(&baseline, &dir, "toml");
    let check = |code: i32, says: &[&str]| {
        let ran = offtrail!["baseline", "check", &dir, "--baseline", &baseline]
            .run()
            .expect(code);
        for expected in says {
            assert!(ran.stdout.contains(expected), "no {expected:?} in {ran:#?}");
        }
    };
    check(0, &["manifest   holds: 2 files", "is what the folder says"]);
    let path = format!("{ACCOUNT}/iam_user/worker-AIDAEXAMPLE000000001.toml");
    let file = dir.join(&path);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("iam:ListUsers", "iam:ListRoles")).unwrap();
    check(
        1,
        &[
            "manifest   does not hold",
            &format!("changed               {path}"),
        ],
    );
    fs::remove_file(&file).unwrap();
    check(1, &["missing  "]);
    fs::write(&file, &text).unwrap();
    fs::write(dir.join(format!("{ACCOUNT}/iam_user/extra.toml")), &text).unwrap();
    check(1, &["not in the manifest"]);
    fs::remove_file(dir.join(format!("{ACCOUNT}/iam_user/extra.toml"))).unwrap();
    // Learnt on: no longer what was reviewed.
    let _ = learnt(
        folder.path(),
        &[record(2, 2, ("iam", "CreateUser"), &json!({}))],
    );
    check(
        1,
        &[
            "manifest   holds",
            "is not what the folder says",
            "reviewed otherwise",
        ],
    );
    fs::write(dir.join("MANIFEST.sha256"), "what\n").unwrap();
    let broken = offtrail!["baseline", "check", &dir, "--baseline", &baseline].run();
    broken.fails_saying(&["MANIFEST.sha256", "line 1", "export again"]);
    fs::remove_file(dir.join("MANIFEST.sha256")).unwrap();
    let none = offtrail!["baseline", "check", &dir, "--baseline", &baseline].run();
    none.fails_saying(&["there is no MANIFEST.sha256", "export"]);
}

/// Made with minisign's format over the one line of [`SIGNED`]; the secret key was thrown away.
const PUBLIC_KEY: &str = "untrusted comment: minisign public key of a fixture\n\
    RWRvZmZ0cmFpbMiFTl9RsZHxieiWiiqyncTGzpqbvYWNmG+OyUUCr8KM\n";
const SIGNATURE: &str = "untrusted comment: signature of a fixture\n\
    RURvZmZ0cmFpbM7RUsBdhemZ4URyNDQqh0PUsTKk14R+H2SyqNAMJSWkJgE9zD72W7R4Fktg+7ApNW7kBg4pEMtS+hihYdAKngc=\n\
    trusted comment: a fixture\n\
    JEGIjgLssMN/QePdZlVpuoaEtM8ih+ROIiQxCcwbBA4ZJuAKHU0SPXdfXusjGohIw0Tj3aWIZfeTJdYJ1eedBw==\n";
const SIGNED: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  index.md\n";

#[test]
fn a_signature_is_demanded_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = learnt(
        folder.path(),
        &[record(1, 1, ("iam", "ListUsers"), &json!({}))],
    );
    let dir = folder.path().join("review");
    fs::create_dir(&dir).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    write("index.md", "");
    write("MANIFEST.sha256", SIGNED);
    let key = folder.path().join("key.pub");
    fs::write(&key, PUBLIC_KEY).unwrap();
    let check = || {
        offtrail![
            "baseline",
            "check",
            &dir,
            "--baseline",
            &baseline,
            "--public-key",
            &key
        ]
        .run()
    };
    check().fails_saying(&["MANIFEST.sha256.minisig", "minisign -S -m"]);
    write("MANIFEST.sha256.minisig", SIGNATURE);
    let ran = check().expect(1);
    assert!(
        ran.stdout
            .starts_with("signature  holds\nmanifest   holds: 1 file\n"),
        "{ran:#?}"
    );
    write("MANIFEST.sha256", &SIGNED.replace("index", "other"));
    check().fails_saying(&["the signature does not hold", "changed after it was signed"]);
    fs::write(&key, "no key\n").unwrap();
    check().fails_saying(&["read public key", ".pub file of minisign"]);
}
