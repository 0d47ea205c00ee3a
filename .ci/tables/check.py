#!/usr/bin/env python3
"""Reads the tables of `roadcast replay run --parquet`, and of sweeps, as data people do: with DuckDB, pandas (pyarrow) and Polars.

    check.py agree DIR REPORT.json   types, counts and sums are the same in all three, and are what the report counts
    check.py sweep DIR               likewise table.parquet of a sweep, which has the rows of its table.csv
    check.py queries PAGE.md DIR...  runs each query of the page in each directory; each has rows in one of them

Needs the packages of requirements.txt beside it. Exit code 1 and one line when something does not hold.
"""

import json
import os
import re
import sys

import duckdb
import pandas
import polars
import pyarrow.parquet

TABLES = ["messages", "transmissions", "stations"]
# By the type in DuckDB: pandas' (of a column without nulls, and with), Polars'.
TYPES = {
    "BIGINT": (["int64"], ["float64"], "Int64"),
    "DOUBLE": (["float64"], ["float64"], "Float64"),
    "VARCHAR": (["str", "object"], ["str", "object"], "String"),
    "BOOLEAN": (["bool"], ["object"], "Boolean"),
}
QUERIES = 10


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "agree":
        agree(*sys.argv[2:])
    elif len(sys.argv) == 3 and sys.argv[1] == "sweep":
        swept(sys.argv[2])
    elif len(sys.argv) >= 4 and sys.argv[1] == "queries":
        queries(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)


def agree(folder, report):
    for table in TABLES:
        path = os.path.join(folder, table + ".parquet")
        same(path)
    messages = os.path.join(folder, "messages.parquet")
    with open(report) as file:
        classes = {one["class"]: one for one in json.load(file)["classes"]}
    counted = duckdb.sql(f"""
        SELECT class, count(*), count(*) FILTER (outcome = 'late'), count(*) FILTER (outcome = 'lost')
        FROM '{messages}' GROUP BY class""").fetchall()
    found = {name: (expected, late, lost) for name, expected, late, lost in counted}
    for name, one in classes.items():
        lost = sum(one["undelivered"].values())
        wanted = (one["expected"], one["delivered_late"], lost)
        if found.pop(name, (0, 0, 0)) != wanted and wanted != (0, 0, 0):
            fail(f"{messages}: {name} is not what {report} counts: {wanted}")
    if found:
        fail(f"{messages}: {report} has no class {', '.join(found)}")
    causes(messages, classes)
    sent, = duckdb.sql(f"SELECT sum(frames_sent) FROM '{folder}/stations.parquet'").fetchall()[0]
    aired, = duckdb.sql(f"SELECT count(*) FROM '{folder}/transmissions.parquet'").fetchall()[0]
    if sent != aired:
        fail(f"{folder}: {sent} frames by station, and {aired} transmissions")
    print(f"{folder}: three readers agree with each other, and with {os.path.basename(report)}")


def swept(folder):
    table, csv = (os.path.join(folder, "table." + kind) for kind in ["parquet", "csv"])
    same(table)
    found = duckdb.sql(f"SELECT * FROM '{table}'")
    wanted = duckdb.sql(f"SELECT * FROM read_csv('{csv}', all_varchar = true)")
    if found.columns != wanted.columns:
        fail(f"{table}: columns are not those of {csv}")
    # Types are the Parquet file's: CSV has none.
    cast = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in zip(found.columns, found.types))
    wanted = duckdb.sql(f"SELECT {cast} FROM wanted").fetchall()
    if found.fetchall() != wanted:
        fail(f"{table}: rows are not those of {csv}")
    print(f"{table}: three readers agree with each other, and {len(wanted)} rows with table.csv")


def causes(messages, classes):
    rows = duckdb.sql(f"SELECT class, cause, count(*) FROM '{messages}' WHERE outcome = 'lost' GROUP BY ALL").fetchall()
    for name, cause, count in rows:
        if classes[name]["undelivered"].get(cause) != count:
            fail(f"{messages}: {count} of {name} were lost by {cause}, and the report has {classes[name]['undelivered']}")


def same(path):
    """One file in all three readers."""
    in_duckdb = duckdb.sql(f"SELECT * FROM '{path}'")
    in_pandas = pandas.read_parquet(path)
    in_polars = polars.read_parquet(path)
    metadata = pyarrow.parquet.read_metadata(path).metadata
    described = json.loads(metadata[b"roadcast.columns"])
    names = [column["name"] for column in described]
    if not names == in_duckdb.columns == list(in_pandas.columns) == in_polars.columns:
        fail(f"{path}: columns differ: {names}, {in_duckdb.columns}, {list(in_pandas.columns)}, {in_polars.columns}")
    rows = len(in_pandas)
    if not rows == len(in_polars) == duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] or rows == 0:
        fail(f"{path}: {rows} rows in pandas, {len(in_polars)} in Polars")
    for column, kind in zip(described, in_duckdb.types):
        name = column["name"]
        without, with_nulls, polars_type = TYPES.get(str(kind), ([], [], ""))
        nulls = int(in_polars[name].null_count())
        wanted = with_nulls if nulls else without
        if str(in_pandas[name].dtype) not in wanted or str(in_polars[name].dtype) != polars_type:
            fail(f"{path}: {name} is {kind} in DuckDB, {in_pandas[name].dtype} in pandas, {in_polars[name].dtype} in Polars")
        if nulls and not column["null"]:
            fail(f"{path}: {name} has {nulls} nulls, and is described as without")
        figures = {
            "pandas": (int(in_pandas[name].isna().sum()), total(in_pandas[name].dropna(), str(kind))),
            "Polars": (nulls, total(in_polars[name].drop_nulls(), str(kind))),
            "DuckDB": duckdb.sql(f"SELECT count(*) - count({name}), {total_sql(name, str(kind))} FROM '{path}'").fetchall()[0],
        }
        first = figures["pandas"]
        for reader, figure in figures.items():
            if figure[0] != first[0] or not close(figure[1], first[1]):
                fail(f"{path}: {name}: {reader} has {figure} nulls and in sum, pandas {first}")


def total(values, kind):
    """Of numbers their sum, of texts how many there are, of flags how many are true."""
    if kind == "VARCHAR":
        return values.nunique() if hasattr(values, "nunique") else values.n_unique()
    if kind == "DOUBLE":
        return float(values.sum())
    return sum(int(value) for value in values)


def total_sql(name, kind):
    return {"VARCHAR": f"count(DISTINCT {name})", "DOUBLE": f"coalesce(sum({name}), 0)"}.get(kind, f"coalesce(sum({name}::BIGINT), 0)")


def close(one, other):
    if isinstance(one, float) or isinstance(other, float):
        return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(one)))
    return int(one) == int(other)


def queries(page, folders):
    with open(page) as file:
        blocks = re.findall(r"^```sql\n(.*?)^```$", file.read(), re.S | re.M)
    if len(blocks) < QUERIES:
        fail(f"{page}: {len(blocks)} blocks of SQL, and at least {QUERIES} are expected")
    here = os.getcwd()
    for block in blocks:
        name = block.splitlines()[0].removeprefix("-- ")
        counts = []
        for folder in folders:
            os.chdir(folder)
            try:
                rows = duckdb.sql(block).fetchall()
            except duckdb.Error as error:
                fail(f"{page}: {name}: {str(error).splitlines()[0]}")
            finally:
                os.chdir(here)
            counts.append(len(rows))
            if rows and all(value is None for row in rows for value in row[1:]):
                fail(f"{page}: {name}: nothing but null")
        if not any(counts):
            fail(f"{page}: {name}: no row in any of {', '.join(folders)}")
        print(f"{name}: {' + '.join(map(str, counts))} rows")


def fail(text):
    sys.exit(text)


if __name__ == "__main__":
    main()
