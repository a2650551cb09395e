"""What takes too long for a page: measured by ``python -m benchmarks NAME --write``, read here.

Each file ``NAME.json`` holds the result of one command, and what it depends on: seeds, recordings,
versions, processor, date and commit. Nobody edits one by hand.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ...checks import errors_in

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return what has been measured.

    Example:
        >>> "accuracy" in names()
        True
    """
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """Return a whole file.

    Raises:
        ValueError: Nothing of this name has been measured.

    Example:
        >>> read("accuracy")["command"]
        'python -m benchmarks accuracy'
    """
    if name not in names():
        raise ValueError(f"{name!r} hasn't been measured; choose from {', '.join(names())}")
    with errors_in(f"{name}.json is damaged; python -m benchmarks {name} --write makes it anew"):
        return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def measured(name: str, table: str = "rows") -> pd.DataFrame:
    """Return a table of a stored measurement.

    Args:
        name: Of the benchmark.
        table: Which of its tables.

    Returns:
        A row per model or setting.

    Raises:
        ValueError: There is no such measurement, or it has no such table.

    Example:
        >>> shares = measured("accuracy").set_index("model")["mean"]
        >>> bool(shares["most frequent suit"] < 0.4)
        True
    """
    result = read(name)["result"]
    tables = [key for key, value in result.items() if isinstance(value, list)]
    if table not in tables:
        raise ValueError(f"{name!r} has no table {table!r}; choose from {', '.join(tables)}")
    return pd.DataFrame(result[table])
