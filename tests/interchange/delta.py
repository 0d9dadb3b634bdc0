"""Delta tables both ways: what `writers` stored is read by deltalake, polars, pyarrow and duckdb, and what deltalake wrote is read by us.

    python delta.py WRITERS PIPELINE FOLDER

WRITERS and PIPELINE are the binaries of `lakewright-tests`, FOLDER is one that may be written to.
"""

import datetime
import os
import pathlib
import subprocess
import sys

import duckdb
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

writers, pipeline, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()


def run(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, cwd=folder, env={**os.environ, "LAKEWRIGHT_ROOT": str(folder)}, stdout=subprocess.DEVNULL)


def rows(table):
    frame = pl.from_arrow(table) if isinstance(table, (pa.Table, pa.RecordBatch)) else table
    return sorted(frame.select(sorted(frame.columns)).iter_rows(), key=repr)


# Ours, by theirs.
folder.mkdir(parents=True, exist_ok=True)
run(writers, folder, 0, 4, 1)
run(writers, folder, 1, 2, 2)
where = str(folder / "delta" / "public" / "t")
found = DeltaTable(where)
assert found.version() == 5 and found.metadata().partition_columns == ["day"]
days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=day) for day in range(4)]
expected = rows(pl.DataFrame([{"day": day, "round": 2 if 0 < index < 3 else 1, "n": n} for index, day in enumerate(days) for n in (1, 2, 3)]))
dataset = found.to_pyarrow_table()
assert rows(dataset) == expected, rows(dataset)
assert rows(pl.read_delta(where)) == expected
duck = duckdb.sql("SELECT CAST(day AS DATE) AS day, round, n FROM dataset").pl()
assert rows(duck) == expected
files = [str(pathlib.Path(where) / path) for path in found.file_uris()] if not found.file_uris()[0].startswith("/") else found.file_uris()
assert duckdb.sql(f"SELECT count(*) FROM read_parquet({files!r})").fetchall() == [(12,)]

# Theirs, by ours: `stock` is what the pipeline reads of `inventory`.
frame = pl.DataFrame({
    "id": [1, 2, 3, 4],
    "name": ["a", None, "c", "ü"],
    "at": [datetime.datetime(2024, 1, 1, 12, 0, 0, 1), None, datetime.datetime(1969, 12, 31), datetime.datetime(2024, 2, 29)],
    "inner": [{"x": 1, "y": [1.5, None]}, {"x": None, "y": []}, None, {"x": 4, "y": [4.0]}],
    "kind": ["p", "q", "q", "p"],
})
inventory, stock = folder / "delta" / "public" / "inventory", folder / "delta" / "public" / "stock"
write_deltalake(str(inventory), frame.to_arrow(), partition_by=["kind"])
for step in ("written", "rows deleted", "a column added", "compacted"):
    if step == "rows deleted":
        DeltaTable(str(inventory)).delete("id = 3")
        frame = frame.filter(pl.col("id") != 3)
    elif step == "a column added":
        more = frame.head(1).with_columns(id=pl.lit(5, dtype=pl.Int64), more=pl.lit(True))
        write_deltalake(str(inventory), more.to_arrow(), mode="append", schema_mode="merge")
        frame = pl.concat([frame, more], how="diagonal")
    elif step == "compacted":
        DeltaTable(str(inventory)).optimize.compact()
        DeltaTable(str(inventory)).create_checkpoint()
    if stock.exists():
        for path in sorted(stock.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        stock.rmdir()
    run(pipeline, "materialize", "stock")
    seen = DeltaTable(str(stock)).to_pyarrow_table()
    assert rows(seen) == rows(frame), (step, rows(seen), rows(frame))
    print(f"delta, {step}: {frame.height} rows, the same both ways")
