"""Reads what the partitions example stored: one Delta table for each asset, partitioned by columns, as deltalake and polars see it.

    python partitions.py LAKEHOUSE
"""

import datetime
import pathlib
import sys

import polars as pl
from deltalake import DeltaTable

root = pathlib.Path(sys.argv[1]) / "delta"
data = pathlib.Path(__file__).parents[2] / "examples" / "data"


def table(schema, name, partition_columns):
    found = DeltaTable(str(root / schema / name))
    assert found.metadata().partition_columns == partition_columns, found.metadata().partition_columns
    rows = pl.from_arrow(found.to_pyarrow_table())
    assert rows.sort(rows.columns).equals(pl.read_delta(str(root / schema / name)).select(rows.columns).sort(rows.columns))
    return rows


iris = pl.read_csv(data / "iris.csv")
flowers = table("iris", "flowers_by_species", ["species"])
expected = iris.unique()
assert flowers.select(expected.columns).sort(expected.columns).equals(expected.sort(expected.columns))
assert table("iris", "petal_sizes", ["species"]).height == 3

hourly = pl.read_csv(data / "sf_temps.csv").select(pl.col("date").str.to_datetime("%Y/%m/%d %H:%M:%S").alias("time"), "temp")
hourly = hourly.with_columns(pl.col("time").dt.date().alias("date"))
stored = table("sf", "hourly_temperatures", ["date"])
assert stored.height == hourly.height and stored["date"].n_unique() == 365
assert stored.sort("time").select("temp", "date").equals(hourly.sort("time").select("temp", "date"))

highs = hourly.group_by(pl.col("date").dt.month_start().alias("month")).agg(pl.col("temp").max().alias("max_temp")).sort("month")
seen = table("sf", "monthly_highs", ["month"]).sort("month")
assert seen.select("month", "max_temp").equals(highs), seen
record = table("sf", "record_highs", ["month"]).sort("month")
assert record["max_temp"].to_list() == highs["max_temp"].cum_max().to_list()

means = table("sf", "means_by_part", ["date", "part"])
assert means.height == 730 and set(means["part"]) == {"day", "night"}
march = means.filter(pl.col("date") == datetime.date(2010, 3, 14), pl.col("part") == "day")["temp"].item()
day = hourly.filter(pl.col("date") == datetime.date(2010, 3, 14), pl.col("time").dt.hour().is_between(6, 17))
assert abs(march - day["temp"].mean()) < 1e-9
versions = DeltaTable(str(root / "sf" / "hourly_temperatures")).version()
print(f"partitioned tables: {flowers.height} flowers, {stored.height} hours in {versions + 1} versions, as deltalake and polars read them")
