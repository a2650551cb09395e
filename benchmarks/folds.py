"""Folds of the recordings that keep card passes apart, and what is said about models by them."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pokersnn_helpers import Recordings, load_pokerdvs131
from pokersnn_helpers.pokerdvs import PokerDVS131
from pokersnn_helpers.study.protocol import (
    CrossValidated,
    bootstrap_interval,
    cross_validate,
    difference_interval,
)


@functools.cache
def all_recordings() -> PokerDVS131:
    """Return all 131, real ones where they can be loaded."""
    return load_pokerdvs131()


def cards() -> tuple[Recordings, Any]:
    """Return all 131, and the card pass of each."""
    everything = all_recordings()
    return everything.recordings, everything.table["pass"].to_numpy()


def training_cards() -> tuple[Recordings, Any]:
    """Return Tonic's 48 training recordings and their passes; where simulated, all."""
    everything, (recordings, passes) = all_recordings(), cards()
    of_tonic = everything.table["tonic"].str.startswith("pips_train").to_numpy()
    chosen = np.flatnonzero(of_tonic | (everything.source == "simulated"))
    return recordings.subset(chosen), passes[chosen]


def validate(
    models: Mapping[Any, Any], seeds: int, processes: int = 1
) -> dict[Any, CrossValidated]:
    """Train models on all 131 without each of three folds in turn, with seeds from 0 on."""
    return cross_validate(models, *cards(), seeds=range(seeds), processes=processes)


def accuracy_table(
    trained: Mapping[str, CrossValidated], recordings: Recordings, groups: Sequence[int]
) -> pd.DataFrame:
    """Return how accurate models are on recordings that they haven't seen, from 0 to 1.

    Args:
        trained: What ``validate`` returns.
        recordings: Those that it trained on.
        groups: The group of each.

    Returns:
        A row per model with the mean over the seeds, the lowest and the highest of them, both ends
        of ``bootstrap_interval``, and the mean over the seeds for each class.
    """
    rows, targets = {}, np.asarray(recordings.targets)
    for name, model in trained.items():
        correct = model.correct(recordings)
        by_seed = correct.mean(axis=1)
        low, high = bootstrap_interval(correct, groups)
        rows[name] = {
            "mean": by_seed.mean(), "lowest": by_seed.min(), "highest": by_seed.max(),
            "interval low": low, "interval high": high,
        }  # fmt: skip
        for number, class_name in enumerate(recordings.classes):
            rows[name][class_name] = correct[:, targets == number].mean()
    return pd.DataFrame.from_dict(rows, orient="index")


def result(seeds: int, rows: pd.DataFrame | list[dict[str, Any]], **others: Any) -> dict[str, Any]:
    """Return what is stored of three folds of all 131: a row per model, and other tables."""
    if isinstance(rows, pd.DataFrame):
        rows = rows.rename_axis("model").reset_index().to_dict("records")
    number = len(all_recordings().recordings)
    return {"recordings": number, "folds": 3, "seeds": seeds, "rows": rows, **others}


def mean(correct: np.ndarray, groups: Any) -> dict[str, float]:
    """Return the share that is correct, with a 95 % interval."""
    low, high = bootstrap_interval(correct, groups)
    return {"mean": float(correct.mean()), "interval low": low, "interval high": high}


def points(first: np.ndarray, second: np.ndarray, groups: Any) -> dict[str, float]:
    """Return by how many percentage points the first model is better, with a 95 % interval."""
    names = ("points", "interval low", "interval high")
    values = difference_interval(first, second, groups)
    return {name: 100 * value for name, value in zip(names, values, strict=True)}


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return the mean over seeds, and the lowest and the highest."""
    return {"mean": float(np.mean(values)), "lowest": min(values), "highest": max(values)}
