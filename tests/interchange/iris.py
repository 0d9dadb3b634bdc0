"""Reads what the iris example stored with `deltalake` and `polars`, which share no code with it but the file formats' own.

    python iris.py LAKEHOUSE RUN

`RUN` says how often the example has run: it replaces and never appends.
"""

import pathlib
import sys

import deltalake
import polars as pl

root, run = pathlib.Path(sys.argv[1]), int(sys.argv[2])
source = pl.read_csv(pathlib.Path(__file__).parents[2] / "examples" / "data" / "iris.csv")
unique = source.drop_nulls().unique()
expected = {
    "iris_dataset": source,
    "iris_cleaned": unique,
    "sepal_data": unique.select("sepal_length_cm", "sepal_width_cm"),
}

for name, rows in expected.items():
    path = str(root / "delta" / "iris" / name)
    table = deltalake.DeltaTable(path)
    assert table.version() == run - 1, f"{name} is at version {table.version()}"
    columns = rows.columns
    for reader, seen in {
        "polars": pl.read_delta(path).select(columns),
        "deltalake": pl.from_arrow(table.to_pyarrow_table()).select(columns),
    }.items():
        assert seen.sort(columns).equals(rows.sort(columns)), f"{name} by {reader}: {seen}"
    print(f"{name}: {rows.height} rows at version {table.version()}, as polars and deltalake read them")

cleaned = deltalake.DeltaTable(str(root / "delta" / "iris" / "iris_cleaned"))
assert cleaned.metadata().partition_columns == ["species"]
assert cleaned.history(1)[0]["lakewright.asset"] == "iris_cleaned"
harvest = deltalake.DeltaTable(str(root / "delta" / "iris" / "iris_harvest_data"))
assert harvest.version() == 0, "the external table is read and never written"
report = pl.read_csv(root / "csv" / "harvest_report.csv", try_parse_dates=True)
assert report["measured"].to_list() == [50, 50, 49] and report["harvested_on"].dtype == pl.Date, report
plot = (root / "fs" / "iris_plot.svg").read_text()
assert plot.startswith("<svg") and plot.count("<circle") >= 149
