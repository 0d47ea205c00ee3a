#!/usr/bin/env python3
"""Shards of a sweep on a cluster of two workers give the table of the sweep in one piece: test.py ROADCAST FOLDER.

A task is lost once and tried again, and each shard is run by two tasks at once, as under speculation: no row is there twice. Then Spark
reads tables of `replay run --parquet`, in the types that docs/tables.md says.
"""

import filecmp
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOWN = os.path.join(ROOT, "replay/assets/town.fcd.csv.gz")
SHARDS = 3
TYPES = {
    "messages": {"seed": "bigint", "signer": "string", "distance_m": "double", "cause": "string", "latency_ns": "bigint"},
    "transmissions": {"honest": "boolean", "start_at_ns": "bigint", "latitude": "double"},
    "stations": {"station": "string", "present_ns": "bigint", "speed_mps": "double", "neighbours": "bigint"},
}


def main():
    program, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    os.makedirs(folder)
    # Workers find the module there; all they say to each other stays on this machine.
    os.environ["PYTHONPATH"] = HERE
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["ROADCAST_FAIL_ONCE"] = "2"
    sys.path.insert(0, HERE)
    import shards

    sweep = os.path.join(folder, "sweep.toml")
    with open(sweep, "w") as file:
        file.write(f'[sweep]\ntrace = "{TOWN}"\nseeds = "1..3"\n[settings]\nseconds = 1\nrange = [150, 300]\n')
    whole, merged = os.path.join(folder, "whole"), os.path.join(folder, "merged")
    shards.call([program, "replay", "sweep", sweep, "--out", whole, "--quiet"])
    spark = shards.session("local-cluster[2,1,1024]")
    spark.sparkContext.setLogLevel("OFF")
    try:
        twice = [shard for shard in range(1, SHARDS + 1) for _ in range(2)]
        where = shards.run(spark.sparkContext, program, sweep, SHARDS, merged, twice)
        for name in ["table.csv", "table.json", "table.parquet"]:
            if not filecmp.cmp(os.path.join(whole, name), os.path.join(merged, name), shallow=False):
                sys.exit(f"{name} of the shards is not that of the sweep in one piece")
        one, other = (spark.read.parquet(os.path.join(path, "table.parquet")) for path in [whole, merged])
        if one.count() != 6 or one.exceptAll(other).count() + other.exceptAll(one).count() > 0:
            sys.exit("Spark finds other rows in the two tables")
        workers = len(set(where.values()))
        print(f"{SHARDS} shards as {len(twice)} tasks on {workers} workers, one of them lost: 6 points, each table equal byte for byte")
        read_tables(spark, shards, program, folder)
    finally:
        spark.stop()


def read_tables(spark, shards, program, folder):
    tables, report = os.path.join(folder, "tables"), os.path.join(folder, "report.json")
    shards.call([program, "replay", "run", TOWN, "--seconds", "5", "--radio", "highway", "--quiet", "--parquet", tables, "--json", report])
    for name, columns in TYPES.items():
        table = spark.read.parquet(os.path.join(tables, name + ".parquet"))
        found = dict(table.dtypes)
        for column, kind in columns.items():
            if found[column] != kind:
                sys.exit(f"{name}.{column} is {found[column]} in Spark, and {kind} is expected")
        if set(found.values()) - {"bigint", "double", "string", "boolean"}:
            sys.exit(f"{name} has other types: {found}")
        table.createOrReplaceTempView(name)
    with open(report) as file:
        expected = sum(one["expected"] for one in json.load(file)["classes"])
    rows = spark.sql("SELECT count(*) AS rows, sum(latency_ns) AS latency_ns FROM messages").first()
    if rows["rows"] != expected:
        sys.exit(f"{rows['rows']} messages in Spark, and the report counts {expected}")
    sent = spark.sql("SELECT (SELECT count(*) FROM transmissions) - (SELECT sum(frames_sent) FROM stations) AS more").first()
    if sent["more"] != 0:
        sys.exit(f"{sent['more']} more transmissions than stations sent, in Spark")
    print(f"Spark {spark.version} reads {rows['rows']} messages, as many as the report counts, in the types of docs/tables.md")


if __name__ == "__main__":
    sys.exit(main())
