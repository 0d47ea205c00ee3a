#!/usr/bin/env python3
"""Runs a sweep in shards on Apache Spark, and puts the shards together.

    shards.py SWEEP.toml --shards N --out DIR [--roadcast PROGRAM] [--master URL]

DIR lies where every worker and the driver see it, and so do the program, the sweep and what it names. Each shard is a task. A task writes
its shard into a folder of its own attempt and renames that to DIR.shards/I when it is whole. So a task that is lost and tried again, or
tried twice at once, leaves one shard and no other: of two attempts the first to be whole stays, and both are the same byte for byte.
Then `roadcast replay sweep --merge` checks the shards and makes DIR. The same command goes on where an interrupted one ended.
"""

import argparse
import errno
import os
import shutil
import subprocess
import sys
import uuid


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep")
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--roadcast", default="roadcast")
    parser.add_argument("--master", help="such as spark://host:7077 or local-cluster[2,1,1024]; spark-submit gives its own")
    args = parser.parse_args()
    if not 1 <= args.shards <= 10_000:
        parser.error(f"--shards: found {args.shards}; give 1 to 10000")
    spark = session(args.master)
    try:
        where = run(spark.sparkContext, args.roadcast, args.sweep, args.shards, args.out)
    finally:
        spark.stop()
    for shard, worker in sorted(where.items()):
        print(f"shard {shard} of {args.shards}: {worker}")


def session(master):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("roadcast sweep").config("spark.speculation", "true")
    return (builder.master(master) if master else builder).getOrCreate()


def run(context, program, sweep, shards, out, tasks=None):
    """Runs the shards as tasks and merges them; by shard, the worker that finished it. `tasks` are the shards to run, each once."""
    sweep, out = os.path.abspath(sweep), os.path.abspath(out)
    tasks = tasks or list(range(1, shards + 1))
    folder = out + ".shards"
    os.makedirs(folder, exist_ok=True)
    # A whole sweep is refused before anything is run when its file is wrong.
    call([program, "replay", "sweep", sweep, "--check", "--out", out])
    done = context.parallelize(tasks, len(tasks)).map(lambda shard: task(program, sweep, shard, shards, folder)).collect()
    call([program, "replay", "sweep", "--out", out, "--quiet", "--merge"] + [os.path.join(folder, str(shard)) for shard in range(1, shards + 1)])
    # What a task that Spark has killed left running may still write there; it ends when it cannot.
    shutil.rmtree(folder, ignore_errors=True)
    return dict(done)


def task(program, sweep, shard, shards, folder):
    place = os.path.join(folder, str(shard))
    worker = os.environ.get("SPARK_EXECUTOR_DIRS", "worker").rsplit("executor-", 1)[-1][:8]
    if os.path.isdir(place):
        return shard, worker
    attempt = os.path.join(folder, f".{shard}-{uuid.uuid4().hex}")
    try:
        # Workers share a machine's cores among tasks: one thread each.
        call([program, "replay", "sweep", sweep, "--shard", f"{shard}/{shards}", "--out", attempt, "--threads", "1", "--quiet"])
        if os.environ.get("ROADCAST_FAIL_ONCE") == str(shard):
            fail_once(folder, shard)
        try:
            os.rename(attempt, place)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    return shard, worker


def fail_once(folder, shard):
    """For the test: the first attempt is lost when its shard is whole and not in its place yet."""
    try:
        os.close(os.open(os.path.join(folder, f".failed-{shard}"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    raise RuntimeError("lost, as the test wants it")


def call(command):
    """Exit code 1 says that a class missed its target, which is a result."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
