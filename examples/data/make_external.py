"""Writes `external/iris_harvest_data`, the table that the iris example reads and never writes.

It plays another team's pipeline, so it is written by another Delta implementation: `pip install deltalake pyarrow`.
The result is checked in; run this only to make it anew.
"""

import datetime
import pathlib

import pyarrow as pa
from deltalake import write_deltalake

ROWS = [
    ("Iris-setosa", datetime.date(1936, 5, 4), "Gaspé", 50),
    ("Iris-versicolor", datetime.date(1936, 6, 11), "Gaspé", 50),
    ("Iris-virginica", datetime.date(1936, 6, 11), "Gaspé", 50),
]

table = pa.table(
    {
        "species": pa.array([row[0] for row in ROWS], pa.string()),
        "harvested_on": pa.array([row[1] for row in ROWS], pa.date32()),
        "site": pa.array([row[2] for row in ROWS], pa.string()),
        "plants": pa.array([row[3] for row in ROWS], pa.int32()),
    }
)
target = pathlib.Path(__file__).parent / "external" / "iris_harvest_data"
write_deltalake(str(target), table, description="What was harvested where, kept by the herbarium")
