"""What scripts/score, ablation and calibration share: labelled archives, a run of `offtrail backtest` over one, its figures."""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BESIDE = ROOT.parent / "shared"
KEPT = ROOT / "target" / "score"
COLUMNS = ("R@0.3", "R@1", "R@3", "AP", "found", "false/day", "/100", "seconds")


def begin(name, options):
    """The scorer, the datasets and the binary to score; None where there is no scorer beside the checkout."""
    scorer = BESIDE / "eval" / "score.py"
    if not scorer.is_file():
        print(f"{name}: skipped, the scorer does not lie beside this checkout (../shared/eval/score.py)")
        return None
    datasets = [pathlib.Path(d).resolve() for d in options.datasets]
    datasets += [simulated(seed, options.scale) for seed in options.seeds]
    if not datasets:
        sys.exit(f"{name}: name a dataset folder, or --seeds 1,2,3")
    return scorer, datasets, options.binary or build()


def parse(arguments, doc, more=lambda parser: None):
    """The options all scripts share, those that `more` adds, and what follows `--` as `passed`."""
    passed = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, passed = arguments[:at], arguments[at + 1:]
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    p.add_argument("datasets", nargs="*", metavar="DATASET")
    p.add_argument("--seeds", type=lambda text: [int(n) for n in text.split(",")], default=[], help="simulate organisations of these seeds")
    p.add_argument("--scale", choices=("small", "medium"), default="small", help="size of the simulated ones (default small)")
    p.add_argument("--learn-until", default="2026-08-30", metavar="DAY", help="learn before, judge from then on (default %(default)s)")
    p.add_argument("--binary", help="the offtrail to score (default: build it in release mode)")
    p.add_argument("--missed", action="store_true", help="name the attacks missed at one false finding a day")
    more(p)
    options = p.parse_args(arguments)
    options.passed = passed
    return options


def build():
    subprocess.run(["cargo", "build", "--release", "-p", "offtrail"], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "offtrail"


def simulated(seed, scale):
    """The organisation of this seed, made once; a copy of the simulator is run because its folder may be read-only."""
    dataset = KEPT / f"{scale}-{seed}"
    if dataset.is_dir():
        return dataset
    print(f"score: simulating {dataset.name}", file=sys.stderr, flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(BESIDE / "trailsim" / "trailsim", pathlib.Path(folder) / "trailsim")
        unfinished = pathlib.Path(tempfile.mkdtemp(dir=KEPT, prefix=f"{dataset.name}-unfinished-"))
        command = [sys.executable, "-m", "trailsim", "--seed", str(seed), "--scale", scale, "--attacks", "dev", "--out", unfinished]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    unfinished.rename(dataset)
    return dataset


def figures(binary, scorer, dataset, options):
    KEPT.mkdir(parents=True, exist_ok=True)
    findings = KEPT / f"{dataset.name}.findings.jsonl"
    start = time.monotonic()
    command = [binary, "backtest", dataset / "AWSLogs", "--learn-until", options.learn_until, "--all", "--findings", findings]
    run = subprocess.run(command + options.passed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - start
    if run.returncode != 0:
        sys.exit(f"score: offtrail backtest on {dataset} ended with {run.returncode}:\n{run.stderr}")
    everything = scored(scorer, dataset, findings, options.learn_until)
    raised = KEPT / f"{dataset.name}.raised.jsonl"
    with open(findings, encoding="utf-8") as lines, open(raised, "w", encoding="utf-8") as kept:
        kept.writelines(line for line in lines if line.strip() and json.loads(line)["raised"])
    shown = scored(scorer, dataset, raised, options.learn_until, "--days", str(everything["days"]))
    with open(dataset / "stats.json", encoding="utf-8") as f:
        principals = json.load(f)["principals"]
    row = [everything[f"recall_at_{budget}_false_per_day"] for budget in ("0.3", "1", "3")]
    row += [everything["average_precision"], shown["detected_at_any_score"] / shown["attacks"]]
    row += [shown["false_per_day"], shown["false_per_day"] * 100 / principals, seconds]
    return row, everything["missed_at_1_false_per_day"]


def scored(scorer, dataset, findings, since, *more):
    command = [sys.executable, "-B", scorer, dataset, findings, "--from", since, "--json", *more]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def show(name, row):
    print(f"{name:<24}" + "".join(f"{value:>10.2f}" for value in row), flush=True)
