"""Tables by other software, copied by us from each of their formats to each of our stores: the same rows and types on both sides.

    python exchange.py write LAKEHOUSE     writes theirs
    python exchange.py check LAKEHOUSE     reads ours, after the program `exchange` has copied them
"""

import datetime as dt
import decimal
import pathlib
import sys
import zoneinfo

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

root = pathlib.Path(sys.argv[2])
theirs = root / "theirs"
WRITERS = {
    "delta": ["deltalake", "polars"],
    "parquet": ["pyarrow", "polars", "duckdb"],
    "csv": ["polars", "duckdb"],
    "json": ["polars"],
    "ipc": ["pyarrow", "polars"],
    "duckdb": ["duckdb"],
}
NESTED = ["list", "struct", "decimal", "binary", "zoned"]

utc = zoneinfo.ZoneInfo("UTC")
rows = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "small": pl.Series([7, None, -7, 0], dtype=pl.Int32),
        "float": [0.1, None, -1e300, 5e-324],
        "text": ["plain", None, "Grüße, \"quoted\" 'both'\nand a line", "2010-01-01"],
        "flag": [True, None, False, True],
        "date": [dt.date(1969, 12, 31), None, dt.date(2010, 3, 14), dt.date(9999, 12, 31)],
        "time": [dt.datetime(1969, 12, 31, 23, 59, 59, 999999), None, dt.datetime(2010, 3, 14, 2, 30), dt.datetime(2262, 1, 1)],
        "zoned": pl.Series(
            [dt.datetime(2010, 3, 14, 10, 30, tzinfo=utc), None, dt.datetime(1900, 1, 1, tzinfo=utc), dt.datetime(2200, 1, 1, tzinfo=utc)],
            dtype=pl.Datetime("us", "UTC"),
        ),
        "list": [[1, None], None, [], [3]],
        "struct": [{"a": 1, "b": "x"}, {"a": None, "b": "y"}, {"a": 3, "b": None}, {"a": 4, "b": "z"}],
        "decimal": pl.Series([decimal.Decimal("1.10"), None, decimal.Decimal("-99999999999999.99"), decimal.Decimal("0.00")], dtype=pl.Decimal(18, 2)),
        "binary": [b"\x00\xff", None, b"", b"abc"],
    }
)
flat = rows.drop(NESTED)


def place(format, writer, extension=""):
    path = theirs / format / format / f"{writer}{extension}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


def write():
    arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    deltalake.write_deltalake(place("delta", "deltalake"), arrow)
    rows.write_delta(place("delta", "polars"))
    pyarrow.parquet.write_table(arrow, place("parquet", "pyarrow", ".parquet"))
    rows.write_parquet(place("parquet", "polars", ".parquet"))
    flat.write_csv(place("csv", "polars", ".csv"))
    flat.write_ndjson(place("json", "polars", ".jsonl"))
    pyarrow.feather.write_feather(arrow, place("ipc", "pyarrow", ".arrow"), compression="zstd")
    rows.write_ipc(place("ipc", "polars", ".arrow"))
    with duckdb.connect(str(theirs / "theirs.duckdb")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("source", arrow)
        connection.execute("CREATE SCHEMA duckdb; CREATE TABLE duckdb.duckdb AS SELECT * FROM source")
        connection.execute(f"COPY (SELECT * FROM source) TO '{place('parquet', 'duckdb', '.parquet')}' (FORMAT parquet)")
        columns = ", ".join(f'"{name}"' for name in flat.columns)
        connection.execute(f"COPY (SELECT {columns} FROM source) TO '{place('csv', 'duckdb', '.csv')}' (FORMAT csv, HEADER)")


def ours(store, schema, name):
    """The table as software that is not ours reads it."""
    base = root / store
    if store == "delta":
        return pl.from_arrow(deltalake.DeltaTable(str(base / schema / name)).to_pyarrow_table())
    if store == "parquet":
        return pl.from_arrow(pyarrow.parquet.read_table(base / schema / f"{name}.parquet"))
    if store == "csv":
        return pl.read_csv(base / schema / f"{name}.csv", schema=flat.schema)
    if store == "json":
        return pl.read_ndjson(base / schema / f"{name}.jsonl", schema=flat.schema)
    if store == "ipc":
        return pl.from_arrow(pyarrow.feather.read_table(base / schema / f"{name}.arrow"))
    file = next(base.glob("*.duckdb"))
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return pl.from_arrow(connection.execute(f'SELECT * FROM "{schema}"."{name}"').to_arrow_table())


def same(expected, found, what):
    found = found.select(expected.columns).sort("id")
    # The zone's name is written "UTC" or "Etc/UTC"; an instant is an instant.
    zoned = [name for name, kind in found.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    found = found.with_columns(pl.col(zoned).dt.convert_time_zone("UTC"))
    assert found.schema == expected.schema, f"{what}: {found.schema} instead of {expected.schema}"
    assert found.equals(expected, null_equal=True), f"{what}: {found} instead of {expected}"


def check():
    checked = 0
    for store in WRITERS:
        for format, writers in WRITERS.items():
            for writer in writers:
                text = {"csv", "json"} & {store, format}
                what = f"{store}, from {format} by {writer}"
                same(flat if text else rows, ours(store, f"to_{store}", f"from_{format}_by_{writer}"), what)
                checked += 1
    print(f"{checked} tables copied from {len(WRITERS)} formats of others into {len(WRITERS)} stores, as others read them")


{"write": write, "check": check}[sys.argv[1]]()
