//! The examples of `deploy/` hold together: each is what its format asks for, names options that exist, grants no more than it says, and bounds the container
//! as the image's own tests do. What only AWS can tell is not tried here.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests are an edge: they read the tree and run the binary"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use offtrail_tests::{container::STATE, neighbours::root, offtrail};
use serde_json::{Value, json};

/// Of the image; see `deploy/Containerfile`.
const PORT: u64 = 9464;

fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json_of(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of the Kubernetes example by kind.
fn manifests() -> BTreeMap<String, Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text("deploy/kubernetes/offtrail.yaml")).unwrap();
    let kinds = documents
        .iter()
        .map(|document| document["kind"].as_str().unwrap().to_owned());
    let kinds: Vec<String> = kinds.collect();
    let by_kind: BTreeMap<_, _> = kinds.into_iter().zip(documents).collect();
    assert_eq!(by_kind.len(), 6);
    by_kind
}

fn strings(value: &Value) -> Vec<&str> {
    let list = value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"));
    list.iter().map(|one| one.as_str().unwrap()).collect()
}

/// The long options that `--help` of a command lists.
fn options(command: &str) -> BTreeSet<String> {
    let help = offtrail![command, "--help"].ok();
    let listed = help.lines().filter_map(|line| {
        let (_, rest) = line
            .split_once("--")
            .filter(|(before, _)| before.trim().len() <= 3)?;
        Some(rest.split([' ', ',', '=']).next()?.to_owned())
    });
    listed.collect()
}

/// Fails where one of `flags`, which `place` uses, is none of the command's.
fn assert_options(command: &str, place: &str, flags: impl IntoIterator<Item = String>) {
    let known = options(command);
    let mut seen = 0;
    for flag in flags {
        assert!(
            known.contains(&flag),
            "{place}: offtrail {command} has no --{flag}"
        );
        seen += 1;
    }
    assert!(seen > 0, "{place} uses no option");
}

/// `--flag` of each word that is one.
fn flags<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    let named = words.into_iter().filter_map(|word| word.strip_prefix("--"));
    named
        .map(|flag| flag.split('=').next().unwrap().to_owned())
        .collect()
}

fn keys_of_configuration(toml: &str) -> Vec<String> {
    let table: toml::Table = toml.parse().unwrap();
    table.keys().map(|key| key.replace('_', "-")).collect()
}

#[test]
fn every_option_in_an_example_exists() {
    let task = json_of("deploy/ecs/task-definition.json");
    let arguments = strings(&task["containerDefinitions"][0]["command"]);
    assert_eq!(arguments[0], "stream");
    assert_options("stream", "task-definition.json", flags(arguments));

    let manifests = manifests();
    let container = &manifests["StatefulSet"]["spec"]["template"]["spec"]["containers"][0];
    assert_options(
        "stream",
        "offtrail.yaml",
        flags(strings(&container["args"])),
    );
    let configured = manifests["ConfigMap"]["data"]["stream.toml"]
        .as_str()
        .unwrap();
    assert_options("stream", "offtrail.yaml", keys_of_configuration(configured));

    let unit = text("deploy/systemd/offtrail.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    assert_options(
        "stream",
        "offtrail.service",
        flags(start.split_whitespace()),
    );
    assert_options(
        "stream",
        "stream.toml",
        keys_of_configuration(&text("deploy/systemd/stream.toml")),
    );

    let guide = text("docs/guides/container.md");
    // A line of the guide may go on after a backslash.
    let guide = guide.replace("\\\n", " ");
    for command in ["stream", "backfill"] {
        let lines = guide
            .lines()
            .filter_map(|line| line.split_once(&format!("{command} ")));
        let lines: Vec<&str> = lines
            .filter(|(before, _)| before.starts_with("$ ") && !before.contains('|'))
            .map(|(_, arguments)| arguments)
            .collect();
        assert_options(
            command,
            "container.md",
            lines.iter().flat_map(|line| flags(line.split_whitespace())),
        );
    }
}

#[test]
fn policies_grant_what_they_name_and_no_more() {
    for file in [
        "iam/stream.json",
        "iam/sinks.json",
        "iam/copy.json",
        "ecs/execution-role.json",
    ] {
        let policy = json_of(&format!("deploy/{file}"));
        assert_eq!(policy["Version"], "2012-10-17", "{file}");
        for statement in policy["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{file}");
            let actions = match &statement["Action"] {
                Value::String(one) => vec![one.as_str()],
                many => strings(many),
            };
            for action in &actions {
                let (service, name) = action.split_once(':').unwrap();
                assert!(
                    !service.is_empty() && !name.contains('*'),
                    "{file}: {action}"
                );
            }
            let resource = statement["Resource"].as_str().unwrap();
            // The one action that knows no resource.
            let unbound = actions == ["ecr:GetAuthorizationToken"];
            assert_eq!(resource == "*", unbound, "{file}: {statement}");
            assert!(
                unbound || resource.starts_with("arn:aws:"),
                "{file}: {statement}"
            );
        }
    }
    let trust = json_of("deploy/ecs/trust.json");
    let who = &trust["Statement"][0];
    assert_eq!(
        who["Principal"],
        json!({"Service": "ecs-tasks.amazonaws.com"})
    );
    assert!(who["Condition"]["StringEquals"]["aws:SourceAccount"].is_string());
}

/// Every place an example's stream reads or writes is one its policies name.
#[test]
fn policies_cover_what_the_task_uses() {
    let task = json_of("deploy/ecs/task-definition.json");
    let policies = ["stream", "sinks", "copy"].map(|name| text(&format!("deploy/iam/{name}.json")));
    let policies = policies.concat();
    let arguments = strings(&task["containerDefinitions"][0]["command"]);
    for place in arguments {
        let resource =
            if let Some(queue) = place.strip_prefix("https://sqs.REGION.amazonaws.com/ACCOUNT/") {
                format!("arn:aws:sqs:REGION:ACCOUNT:{queue}\"")
            } else if let Some(object) = place.strip_prefix("s3://") {
                format!("arn:aws:s3:::{object}")
            } else if place.starts_with("arn:") {
                format!("{place}\"")
            } else {
                continue;
            };
        assert!(
            policies.contains(&resource),
            "no policy for {place}: {resource}"
        );
    }
}

#[test]
fn the_task_is_bounded_as_the_image_is_tested() {
    let task = json_of("deploy/ecs/task-definition.json");
    let container = &task["containerDefinitions"][0];
    assert_eq!(container["user"], "65532:65532");
    assert_eq!(container["readonlyRootFilesystem"], true);
    assert_eq!(container["privileged"], false);
    assert_eq!(
        container["linuxParameters"]["capabilities"],
        json!({"drop": ["ALL"]})
    );
    assert_eq!(container["portMappings"][0]["containerPort"], PORT);
    assert_eq!(container["mountPoints"][0]["containerPath"], STATE);
    assert!(container["stopTimeout"].as_u64().unwrap() > 10);
    let service = json_of("deploy/ecs/service.json");
    let rolled_out = &service["deploymentConfiguration"];
    // Never two at once.
    assert_eq!(service["desiredCount"], 1);
    assert_eq!(rolled_out["maximumPercent"], 100);
    assert_eq!(rolled_out["minimumHealthyPercent"], 0);
}

#[test]
fn the_pod_is_bounded_as_the_image_is_tested() {
    let manifests = manifests();
    let set = &manifests["StatefulSet"]["spec"];
    assert_eq!(set["replicas"], 1);
    let pod = &set["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65_532);
    assert_eq!(pod["securityContext"]["fsGroup"], 65_532);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 10);
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        })
    );
    assert_eq!(container["ports"][0]["containerPort"], PORT);
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": path, "port": "metrics"}),
            "{probe}"
        );
    }
    // Every mount has its volume, and the state is on a claim.
    let claimed = set["volumeClaimTemplates"].as_array().unwrap();
    let volumes = pod["volumes"].as_array().unwrap();
    let names = |list: &[Value], at: &str| -> BTreeSet<String> {
        let found = list
            .iter()
            .map(|one| one.pointer(at).unwrap().as_str().unwrap().to_owned());
        found.collect()
    };
    let mut known = names(claimed, "/metadata/name");
    assert_eq!(known, BTreeSet::from(["state".to_owned()]));
    known.extend(names(volumes, "/name"));
    assert_eq!(
        known,
        names(container["volumeMounts"].as_array().unwrap(), "/name")
    );
    assert_eq!(
        container["volumeMounts"][0],
        json!({"name": "state", "mountPath": STATE})
    );
    // What selects pods selects these.
    let labels = &set["template"]["metadata"]["labels"];
    assert_eq!(&set["selector"]["matchLabels"], labels);
    assert_eq!(&manifests["Service"]["spec"]["selector"], labels);
    let policy = &manifests["NetworkPolicy"]["spec"];
    assert_eq!(&policy["podSelector"]["matchLabels"], labels);
    assert_eq!(strings(&policy["policyTypes"]), ["Ingress", "Egress"]);
    assert_eq!(policy["ingress"][0]["ports"][0]["port"], PORT);
    let role =
        &manifests["ServiceAccount"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
    assert!(role.as_str().unwrap().starts_with("arn:aws:iam::"));
}

#[test]
fn the_unit_is_hardened_and_systemd_reads_it() {
    let unit = text("deploy/systemd/offtrail.service");
    let lines: BTreeSet<&str> = unit.lines().collect();
    for line in [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateDevices=yes",
        "StateDirectory=offtrail",
        "Restart=on-failure",
        "KillSignal=SIGTERM",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(lines.contains(line), "no {line}");
    }
    // systemd's own reading, with a program that exists.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offtrail.service");
    fs::write(&file, unit.replace("/usr/local/bin/offtrail", "/bin/true")).unwrap();
    match Command::new("systemd-analyze")
        .arg("verify")
        .arg(&file)
        .output()
    {
        Err(error) => eprintln!("skipped: no systemd-analyze: {error}"),
        Ok(output) => {
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains("offtrail.service"), "{said}");
        }
    }
}

#[test]
fn terraform_declares_what_it_uses() {
    let files =
        ["main", "variables", "outputs"].map(|name| text(&format!("deploy/terraform/{name}.tf")));
    let mut declared = BTreeSet::new();
    for file in &files {
        let body: hcl::Body = hcl::parse(file).unwrap();
        for block in body.blocks() {
            let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
            let address = match (block.identifier(), labels.as_slice()) {
                ("resource", [kind, name]) => format!("{kind}.{name}"),
                ("data", [kind, name]) => format!("data.{kind}.{name}"),
                ("variable", [name]) => format!("var.{name}"),
                ("locals", []) => {
                    declared.extend(
                        block
                            .body()
                            .attributes()
                            .map(|one| format!("local.{}", one.key())),
                    );
                    continue;
                }
                ("output" | "terraform", _) => continue,
                other => panic!("unexpected block {other:?}"),
            };
            assert!(declared.insert(address.clone()), "{address} twice");
        }
    }
    let whole = files.concat();
    let code = whole
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let mut used = BTreeSet::new();
    for line in code {
        let words = line.split(|c: char| !c.is_alphanumeric() && !"._".contains(c));
        for word in words {
            let parts: Vec<&str> = word.split('.').collect();
            match parts.as_slice() {
                ["data", kind, name, ..] => used.insert(format!("data.{kind}.{name}")),
                [kind @ ("var" | "local"), name, ..] => used.insert(format!("{kind}.{name}")),
                [kind, name, ..] if kind.starts_with("aws_") => {
                    used.insert(format!("{kind}.{name}"))
                }
                _ => continue,
            };
        }
    }
    let missing: Vec<_> = used.difference(&declared).collect();
    assert!(missing.is_empty(), "used, not declared: {missing:?}");
    let idle: Vec<_> = declared
        .difference(&used)
        .filter(|one| one.starts_with("var.") || one.starts_with("local."))
        .collect();
    assert!(idle.is_empty(), "declared, not used: {idle:?}");
    // The long poll and the visibility are what a stream is tuned for; who fills the queue is bound to one source.
    for line in [
        "visibility_timeout_seconds = 120",
        "aws:SourceArn",
        "redrive_policy",
    ] {
        assert!(whole.contains(line), "no {line}");
    }
}
