#!/usr/bin/env bash
# Types of Parquet that DuckDB 2.0.1, pandas 3.1.1 (pyarrow 26.0.1), Polars 2.1.0 and Spark 4.3.0 do not read alike.
#
# - TIMESTAMP(NANOS): three read it; Spark refuses the whole file (PARQUET_TYPE_ILLEGAL).
# - TIME(MICROS) and TIME(NANOS): Spark refuses them (UNSUPPORTED_TIME_TYPE); pandas fails on nanoseconds that are not whole microseconds.
# - Unsigned integers: Spark makes bigint of 32 bits and decimal(20,0) of 64.
# - FLOAT: DuckDB sums in 64 bits, pandas and Polars in 32, so one column has two sums.
# - INT64, DOUBLE, STRING and BOOLEAN are alike in all four.
#
# Needs python3 with venv, and Java 17; PYTHON=... names one that has the packages. Exits with 0 while they behave so, and with 1 when one no
# longer does.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
command -v java >/dev/null || { echo "needs java: apt-get install openjdk-17-jre-headless" >&2; exit 2; }
if [[ -z ${PYTHON-} ]]; then
    python3 -m venv "$WORK/venv"
    PYTHON=$WORK/venv/bin/python
    "$PYTHON" -m pip install --quiet --disable-pip-version-check \
        duckdb==2.0.1 numpy==2.4.6 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 pyspark==4.3.0
fi
cd "$WORK"
cat >probe.py <<'PY'
import os
import re
import sys

import duckdb, pandas, polars, pyarrow, pyarrow.parquet
from pyspark.sql import SparkSession

COLUMNS = {
    # name: values, then what each reader makes of them; "refused" where it reads nothing
    "int64": (pyarrow.array([1, 2], pyarrow.int64()), "BIGINT", "int64", "Int64", "bigint"),
    "double": (pyarrow.array([0.1, 2], pyarrow.float64()), "DOUBLE", "float64", "Float64", "double"),
    "string": (pyarrow.array(["a", "b"]), "VARCHAR", "str", "String", "string"),
    "boolean": (pyarrow.array([True, False]), "BOOLEAN", "bool", "Boolean", "boolean"),
    "uint32": (pyarrow.array([1, 2**32 - 1], pyarrow.uint32()), "UINTEGER", "uint32", "UInt32", "bigint"),
    "uint64": (pyarrow.array([1, 2**64 - 1], pyarrow.uint64()), "UBIGINT", "uint64", "UInt64", "decimal(20,0)"),
    "timestamp_ns": (pyarrow.array([1, 2001], pyarrow.timestamp("ns")), "TIMESTAMP_NS", "datetime64[ns]",
                     "Datetime(time_unit='ns', time_zone=None)", "refused: PARQUET_TYPE_ILLEGAL"),
    "time_us": (pyarrow.array([1, 2], pyarrow.time64("us")), "TIME", "object", "Time", "refused: UNSUPPORTED_TIME_TYPE"),
    "time_ns": (pyarrow.array([1, 2001], pyarrow.time64("ns")), "TIME_NS", "refused", "Time", "refused: UNSUPPORTED_TIME_TYPE"),
}


def kind(read):
    try:
        return str(read())
    except Exception as error:
        code = re.match(r"\[([A-Z_]+)\]", str(error))
        return f"refused: {code[1]}" if code else "refused"


os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
changed = False
for name, (values, *wanted) in COLUMNS.items():
    path = os.path.abspath(name + ".parquet")
    pyarrow.parquet.write_table(pyarrow.table({"x": values}), path, store_schema=False)
    found = [
        kind(lambda: duckdb.sql(f"SELECT x FROM '{path}'").types[0]),
        kind(lambda: pandas.read_parquet(path).dtypes.iloc[0]),
        kind(lambda: polars.read_parquet(path).dtypes[0]),
        kind(lambda: spark.read.parquet(path).dtypes[0][1]),
    ]
    print(name + ": " + " | ".join(found))
    changed |= found != wanted
spark.stop()
pyarrow.parquet.write_table(pyarrow.table({"x": pyarrow.array([0.1] * 1_000_000, pyarrow.float32())}), "sum.parquet")
sums = [
    duckdb.sql("SELECT sum(x) FROM 'sum.parquet'").fetchall()[0][0],
    float(pandas.read_parquet("sum.parquet")["x"].sum()),
    float(polars.read_parquet("sum.parquet")["x"].sum()),
]
print("sum of a million FLOATs of 0.1:", sums)
sys.exit(1 if changed or len(set(sums)) == 1 else 0)
PY
"$PYTHON" probe.py 2>spark.err || { code=$?; tail -n 5 spark.err >&2; exit "$code"; }
