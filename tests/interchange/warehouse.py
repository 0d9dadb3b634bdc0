"""Reads what the duckdb example stored with the `duckdb` package, which is DuckDB's own.

    python warehouse.py LAKEHOUSE
"""

import pathlib
import sys

# This file has the name of the package.
sys.path = [path for path in sys.path if pathlib.Path(path or ".").resolve() != pathlib.Path(__file__).parent]
import duckdb  # noqa: E402

root = pathlib.Path(sys.argv[1])
source = pathlib.Path(__file__).parents[2] / "examples" / "data" / "iris.csv"
connection = duckdb.connect(str(root / "warehouse.duckdb"), read_only=True)
measured = f"SELECT * FROM read_csv('{source}')"
expected = {"iris_dataset": (150, measured), "iris_setosa": (50, f"{measured} WHERE species = 'Iris-setosa'")}
types = [("sepal_length_cm", "DOUBLE"), ("sepal_width_cm", "DOUBLE"), ("petal_length_cm", "DOUBLE"), ("petal_width_cm", "DOUBLE"), ("species", "VARCHAR")]

for schema in ["iris", "iris_sql"]:
    for name, (rows, query) in expected.items():
        table = f"{schema}.{name}"
        found = connection.sql(f"SELECT * FROM {table}")
        assert list(zip(found.columns, map(str, found.types))) == types, f"{table}: {found.columns} {found.types}"
        assert len(found.fetchall()) == rows, f"{table} has other rows than {rows}"
        for one, other in [(f"FROM {table}", query), (query, f"FROM {table}")]:
            differ = connection.sql(f"({one}) EXCEPT ALL ({other})").fetchall()
            assert not differ, f"{table}: {differ}"
        print(f"{table}: {rows} rows, as duckdb reads them")
assert connection.sql("SELECT count(*) FROM iris.IRIS_SETOSA").fetchall() == [(50,)], "names are found whatever their case"
