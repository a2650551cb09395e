"""How fast training is, how much memory it takes, and how well it succeeds.

``python -m benchmarks NAME`` in the root of the repository measures and prints; without a name it
lists the names. The package doesn't import this folder and isn't installed with it. Tests never
look at a clock, so a change that is to make something faster is measured here, before and after.

Times are wall-clock medians. They depend on the machine and on what else it does, so they mean
nothing without the setting that is printed above them, and ratios within a run mean more than times
of two runs. ``--json`` prints the same numbers for other programs, in one line per name.
"""

from typing import Any

Row = dict[str, Any]  # of a table, by column; or a whole result, by name
Options = dict[str, Any]  # of what trains or simulates
