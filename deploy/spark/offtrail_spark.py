#!/usr/bin/env python3
"""Learns and judges a CloudTrail archive on Apache Spark; the binary of offtrail does the work (docs/guides/spark.md).
Lines of `offtrail partial` meet by key in `offtrail merge`; parts that hold events of lower ones are run again without them."""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zlib
from itertools import chain, groupby

from pyspark import SparkFiles, StorageLevel
from pyspark.sql import SparkSession

DAY_OF_ACCOUNT = re.compile(r"/(\d{12})/CloudTrail/[^/]+/(\d{4}/\d\d/\d\d)/")
UNKNOWN_BYTES = "65536"  # of a name without a size


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--binary", required=True, help="offtrail under this name, for the cluster's machines: path or s3://")
    a.add_argument("--source", action="append", default=[], help="s3://BUCKET/PREFIX, any number")
    a.add_argument("--keys", help="a file of names in place of sources, as `offtrail partial` reads them")
    a.add_argument("--baseline", required=True, help="where the baseline goes: a path or s3://BUCKET/KEY")
    a.add_argument("--learn-until", help="learn events before this time and judge later ones")
    a.add_argument("--findings", help="where findings go, with --learn-until: a path or s3://BUCKET/KEY")
    a.add_argument("--part-bytes", type=int, default=128 << 20, help="packed bytes of a part, about; by default 128 MiB")
    a.add_argument("--option", action="append", default=[], help="of `offtrail partial`: --option=--since=2026-01-01")
    a.add_argument("--judge", action="append", default=[], help="of `offtrail backtest`: --judge=--budget=3")
    args = a.parse_args()
    if bool(args.source) == bool(args.keys) or bool(args.learn_until) != bool(args.findings):
        a.error("give either --source or --keys, and --learn-until and --findings together or neither")
    return args


def s3(address):
    import boto3  # Only where S3 is named.
    return boto3.client("s3"), *address.removeprefix("s3://").partition("/")[::2]


def put(path, address):
    if not address.startswith("s3://"):
        return shutil.copyfile(path, address)
    client, bucket, key = s3(address)
    return client.upload_file(path, bucket, key)


def names(args):
    """Name (with size and entity tag, if they are known) and packed bytes of all there is to read."""
    if args.keys:
        with open(args.keys, encoding="utf-8") as lines:
            yield from ((line, int((line.split("\t") + [UNKNOWN_BYTES])[1])) for line in map(str.rstrip, lines) if line)
    for source in args.source:
        client, bucket, prefix = s3(source)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        objects = (o for page in pages for o in page.get("Contents", []) if not o["Key"].endswith("/"))
        yield from ((f"s3://{bucket}/{o['Key']}\t{o['Size']}\t{o['ETag']}", o["Size"]) for o in objects)


def parts(args):
    """Lists of names. A day of an account stays together if it fits, so that copies of an event mostly meet in one part."""
    found = ((DAY_OF_ACCOUNT.search(name), name, size) for name, size in names(args))
    found = sorted((day.group(2, 1) if day else ("", ""), name, size) for day, name, size in found)
    made, full = [[]], 0
    for _, group in groupby(found, lambda one: one[0]):
        group = list(group)
        left = sum(size for *_, size in group)
        for _, name, size in group:
            if made[-1] and full + (left if left <= args.part_bytes else size) > args.part_bytes:
                made.append([])
                full = 0
            made[-1].append(name)
            full, left = full + size, left - size
    return made


def feed(stdin, lines, unfed):
    try:
        with stdin:
            stdin.writelines(line + "\n" for line in lines)
    except Exception as error:
        unfed.append(error)


def offtrail(arguments, lines):
    """Feeds lines to the binary and yields those it writes; if it fails, the error tells what it said."""
    with tempfile.TemporaryFile("w+") as talk:
        run = subprocess.Popen([SparkFiles.get("offtrail"), *arguments, "--quiet"], stdin=-1, stdout=-1, stderr=talk, encoding="utf-8")
        unfed = []
        feeder = threading.Thread(target=feed, args=(run.stdin, lines, unfed), daemon=True)
        feeder.start()
        yield from (line.rstrip("\n") for line in run.stdout)
        feeder.join()
        if run.wait() != 0:
            talk.seek(0)
            raise RuntimeError(f"offtrail {' '.join(arguments)} ended with {run.returncode}: {talk.read()[-3000:]}")
        if unfed:  # Half of the lines must not pass for all of them.
            raise unfed[0]


def learn(part, options):
    """The lines of a part (its number, its names, its lines of repeats), each with the part's number."""
    number, listed, repeats = part
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as without:
        feed(without.file, repeats, [])
        command = ["partial", f"--part={number}", "--threads=1", f"--without={without.name}", *options]
        yield from ((number, line) for line in offtrail(command, listed))


def main(args, folder):
    baseline, findings = f"{folder}/baseline.db", f"{folder}/findings.jsonl"
    sc = SparkSession.builder.appName("offtrail").getOrCreate().sparkContext
    sc.addFile(args.binary)
    made, tasks = parts(args), 2 * sc.defaultParallelism
    options = [*args.option, *([f"--learn-until={args.learn_until}"] if args.learn_until else [])]
    key = lambda line: line.rsplit("\t", 1)[0]
    only = lambda kind: lambda line: line.startswith(kind + "\t")
    together = lambda lines: lines.keyBy(key).partitionBy(tasks, lambda k: zlib.crc32(k.encode())).values()
    merge = lambda *how: lambda lines: offtrail(["merge", *how], lines)
    keep = lambda lines: lines.persist(StorageLevel.MEMORY_AND_DISK)
    run = lambda todo: keep(sc.parallelize(todo, len(todo)).flatMap(lambda part: learn(part, options)))

    print(f"{sum(map(len, made))} files in {len(made)} parts", file=sys.stderr)
    lines = run([(number, listed, []) for number, listed in enumerate(made)])
    told = together(lines.values().filter(only("ids"))).mapPartitions(merge("--repeats")).collect()
    repeats = groupby(sorted(filter(only("repeats"), told)), lambda line: int(line.split("\t")[1]))
    if repeats := {number: list(of) for number, of in repeats}:
        print(f"{len(repeats)} parts hold events that a lower part has: run again without them", file=sys.stderr)
        again = run([(number, made[number], of) for number, of in repeats.items()])
        lines = lines.filter(lambda numbered: numbered[0] not in repeats).union(again)
    learnt = lines.values().filter(lambda line: not line.startswith("observations\t"))
    learnt = keep(together(learnt.coalesce(tasks).mapPartitions(merge())).mapPartitions(merge()))
    whole = chain(filter(only("distinct"), told), learnt.toLocalIterator())
    print(*offtrail(["merge", f"--baseline={baseline}", f"--parts={len(made)}", "--summary=-"], whole))
    if args.findings:
        hours = lines.values().filter(only("observations")).coalesce(tasks).sortBy(key).toLocalIterator()
        given = chain(learnt.filter(only("tally")).collect(), hours)
        judge = ["backtest", "-", "--observations", f"--baseline={baseline}", f"--learn-until={args.learn_until}"]
        print(*offtrail([*judge, f"--findings={findings}", *args.judge], given), sep="\n")
        put(findings, args.findings)
    put(baseline, args.baseline)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        main(arguments(), own)
