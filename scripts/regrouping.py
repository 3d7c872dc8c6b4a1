"""Regroups an archive into files of another size, for benches: the same records in the same order, in fewer and larger files.

A simulated organisation writes small files; a busy one's are larger, since CloudTrail's rhythm stays the same. So files of all accounts and
regions are joined in the order of their delivery until one of the wanted size is full. Sizes are spread as they are in the field: log-normal, the mean four times
the median. No file is split, so a mean below that of the archive can't be had.
"""
import gzip
import json
import math
import pathlib
import random

BEGINNING, END = b'{"Records":[', b"]}"
SPREAD = math.sqrt(2 * math.log(4))
PACKED_SHARE = 0.15  # of the raw bytes, until it is known better


def regroup(archive, out, mean_bytes):
    """Writes the archive below `out`, in files of about `mean_bytes` packed on average. Kept if it is there already."""
    done = out / "regrouped.json"
    if done.exists() and json.loads(done.read_text()) == {"archive": str(archive), "mean_bytes": mean_bytes}:
        return out
    out.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    paths = sorted(archive.rglob("*_CloudTrail_*.json.gz"), key=lambda path: (path.name.split("_")[3], str(path)))
    raw_total = packed_total = 0
    records, raw, first = [], 0, None
    wanted = size(chance, mean_bytes)
    for path in paths:
        text = gzip.decompress(path.read_bytes())
        if not (text.startswith(BEGINNING) and text.endswith(END)):
            raise SystemExit(f"bench: {path} is no file of `offtrail simulate`")
        if len(text) == len(BEGINNING + END):
            continue
        first = first or path
        records.append(text[len(BEGINNING) : -len(END)])
        raw += len(text)
        share = packed_total / raw_total if raw_total else PACKED_SHARE
        if raw * share >= wanted or path == paths[-1]:
            packed = gzip.compress(BEGINNING + b",".join(records) + END, 6, mtime=0)
            target = out / first.relative_to(archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(packed)
            raw_total, packed_total = raw_total + raw, packed_total + len(packed)
            records, raw, first = [], 0, None
            wanted = size(chance, mean_bytes)
    done.write_text(json.dumps({"archive": str(archive), "mean_bytes": mean_bytes}))
    return out


def bytes_of(text):
    """60k, 2k or plain bytes."""
    return int(text[:-1]) * 1000 if text.endswith("k") else int(text)


def size(chance, mean_bytes):
    return chance.lognormvariate(math.log(mean_bytes / 4), SPREAD)
