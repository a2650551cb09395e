"""What takes too long for a page: measured by ``python -m benchmarks NAME --write``, read here.

Each file ``NAME.json`` holds the result of one command, and what it depends on: seeds, recordings,
versions, processor, date and commit. Nobody edits one by hand.
"""

import json
from pathlib import Path
from typing import Any

from pandas import DataFrame

MEASUREMENTS = Path(__file__).with_name("measurements")


def names() -> list[str]:
    """Return the names of all stored measurements.

    Example:
        >>> "accuracy" in names()
        True
    """
    return sorted(path.stem for path in MEASUREMENTS.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """Return everything that is stored of a measurement, with its command, date and machine.

    Raises:
        ValueError: Nothing of this name has been measured.

    Example:
        >>> read("accuracy")["command"]
        'python -m benchmarks accuracy'
    """
    path = MEASUREMENTS / f"{name}.json"
    if not path.exists():
        raise ValueError(f"{name!r} hasn't been measured; choose from {', '.join(names())}")
    return json.loads(path.read_text(encoding="utf-8"))


def measured(name: str, table: str = "rows") -> DataFrame:
    """Return a table of a stored measurement.

    Args:
        name: The name of the benchmark.
        table: The name of one of its tables.

    Returns:
        The table, with a row per model or setting.

    Raises:
        ValueError: There is no such measurement, or it has no such table.

    Example:
        >>> shares = measured("accuracy").set_index("model")["mean"]
        >>> bool(shares["GRU"] > 0.95)
        True
    """
    result = read(name)["result"]
    if not isinstance(result.get(table), list):
        tables = [key for key, value in result.items() if isinstance(value, list)]
        raise ValueError(f"{name!r} has no table {table!r}; choose from {', '.join(tables)}")
    return DataFrame(result[table])
