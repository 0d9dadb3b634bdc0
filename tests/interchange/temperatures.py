"""Reads what the lakehouse example stored, in both of its stores: the same 365 daily highs.

    python temperatures.py LAKEHOUSE
"""

import pathlib
import sys

import polars as pl

root = pathlib.Path(sys.argv[1]) / "temperatures"
hourly = pl.read_csv(pathlib.Path(__file__).parents[2] / "examples" / "data" / "sf_temps.csv")
days = pl.col("date").str.to_datetime("%Y/%m/%d %H:%M:%S").dt.date()
expected = hourly.group_by(days).agg(pl.col("temp").max().alias("max_temp")).sort("date")
assert expected.height == 365

for store, seen in {
    "csv": pl.read_csv(root / "csv" / "daily_temperature_highs.csv", try_parse_dates=True),
    "delta": pl.read_delta(str(root / "delta" / "public" / "daily_temperature_highs")),
}.items():
    assert seen.columns == ["date", "max_temp"]
    assert seen.equals(expected), f"{store}: {seen}"
    print(f"daily highs in {store}: {seen.height} rows, as polars reads them")
