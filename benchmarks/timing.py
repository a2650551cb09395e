"""Clocks, the setting that numbers depend on, and their form as text."""

import functools
import math
import os
import platform
import statistics
import time
from typing import Any

import pandas as pd
import torch
from llvmlite.binding import get_host_cpu_name

from pokersnn_helpers import Split, load_pokerdvs
from pokersnn_helpers.system.devices import usable_cores

from . import Row
from .libraries import LIBRARIES, Step, installed_version

WARM_UP = 3  # rounds: Spyx is compiled in each of its first three steps


@functools.cache
def recordings() -> Split:
    """Return the recordings that every benchmark uses: the real ones where they can be loaded."""
    return load_pokerdvs()


def setting() -> Row:
    """Return what the numbers depend on: machine, versions and data."""
    packages = ("torch", "norse", "numba", "numpy", *LIBRARIES, "jax")
    return {
        "python": platform.python_version(),
        **{package: installed_version(package) for package in packages},
        "processor": f"{platform.machine()} {get_host_cpu_name()}",
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        # Processes that ran or waited in the last minute: more than cores make times longer.
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "data": recordings().source,
    }


def report(result: Row) -> str:
    """Return a result as text: its numbers by name, and below them a table of each list of rows."""
    numbers = []
    tables = []
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = [{column: _text(entry) for column, entry in row.items()} for row in value]
            tables.append(pd.DataFrame(rows).to_string(index=False))
        else:
            numbers.append(f"{name} {_text(value)}")
    text = "\n\n".join([", ".join(numbers), *tables])
    if "MISSING" in text:
        text += "\n\nMISSING libraries: pip install 'pokersnn-helpers[bench]'"
    return text


def _text(value: object) -> str:
    if value is None:
        return "MISSING"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def finite(result: Any, digits: int = 17) -> Any:
    """Return a result whose numbers have so many significant digits.

    Each number that isn't finite becomes None: JSON has no word for them.
    """
    if isinstance(result, dict):
        return {name: finite(value, digits) for name, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [finite(value, digits) for value in result]
    if not isinstance(result, float):
        return result
    return float(f"{result:.{digits}g}") if math.isfinite(result) else None


def median_times(steps: dict[Any, Step], repeats: int) -> dict[Any, float]:
    """Return the median wall-clock time of each step, in ms.

    They take turns, so that what else the machine does meets all of them, after ``WARM_UP`` rounds
    that aren't timed.
    """
    times: dict[Any, list[float]] = {name: [] for name in steps}
    for _ in range(WARM_UP + repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(of_step[WARM_UP:]) for name, of_step in times.items()}
