"""Folds of the recordings that keep card passes apart, and what is said about models by them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache, partial
from runpy import run_path
from typing import Any

import numpy as np
from numpy import ndarray

from eventdesk.evidence import parallel
from eventdesk.evidence.differences import paired_difference
from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.intervals import accuracy_interval
from eventdesk.evidence.protocol import CrossValidated, Evidence, cross_validate
from pokersnn_helpers import load_pokerdvs131
from pokersnn_helpers.data.pokerdvs import PokerDVS131

from . import Options, Row

PROCESSES = 2  # that train at the same time


@cache
def all_recordings() -> PokerDVS131:
    """Return all 131, real ones where they can be loaded."""
    return load_pokerdvs131()


def cards() -> Evidence:
    """Return all 131 with their card passes."""
    everything = all_recordings()
    return Evidence(everything.recordings, everything.table["pass"])


@cache
def evidence(source: str | None = None) -> Evidence:
    """Return recordings with what was recorded together.

    Args:
        source: ``FILE.py:function``, which returns recordings and the group of each. Default: all
            131 with their card passes.
    """
    if source is None:
        return cards()
    path, function = source.rsplit(":", 1)
    return Evidence(*run_path(path)[function]())


def training_cards() -> Evidence:
    """Return Tonic's 48 training recordings with their passes; where simulated, all."""
    everything = all_recordings()
    of_tonic = everything.table["tonic"].str.startswith("pips_train")
    chosen = np.flatnonzero(of_tonic | (everything.source == "simulated"))
    return Evidence(everything.recordings.subset(chosen), everything.table["pass"].iloc[chosen])


def for_epochs(models: Mapping[str, Any], epochs: int | None) -> Options:
    """Return copies of models whose networks train for so many epochs, or else for their own."""
    copies = deepcopy(dict(models))
    for model in copies.values():
        network = getattr(model, "estimator", model)
        if epochs is not None and isinstance(network, NetworkEstimator):
            network.recipe["epochs"] = epochs
    return copies


def in_parallel(function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return what a function returns for each of some tuples of arguments, with a bar."""
    numbered = {number: partial(function, *job) for number, job in enumerate(jobs)}
    returned = dict(parallel.in_parallel(numbered, PROCESSES, progress="measuring"))
    return [returned[number] for number in numbered]


def validate(
    models: Mapping[Any, Any], seeds: Sequence[int], on: Evidence
) -> dict[Any, CrossValidated]:
    """Train models without each of three folds in turn."""
    return cross_validate(models, on.recordings, on.groups, seeds=seeds, processes=PROCESSES)


def answers(models: Mapping[Any, Any], seeds: Sequence[int], on: Evidence) -> dict[Any, ndarray]:
    """Say by model which recordings it classifies correctly without their fold."""
    trained = validate(models, seeds, on)
    return {name: model.correct(on.recordings) for name, model in trained.items()}


def interval(correct: ndarray, groups: Any) -> dict[str, float]:
    """Return both ends of a 95 % interval of the share that is correct."""
    low, high = accuracy_interval(correct, groups)
    return {"interval low": low, "interval high": high}


def mean(correct: ndarray, groups: Any) -> dict[str, float]:
    """Return the share that is correct, with a 95 % interval."""
    return {"mean": float(correct.mean())} | interval(correct, groups)


def points(first: ndarray, second: ndarray, groups: Any) -> dict[str, float]:
    """Return by how many percentage points the first model is better, with a 95 % interval."""
    numbers = np.unique(groups, return_inverse=True)[1]
    difference = paired_difference(first.mean(axis=0), second.mean(axis=0), numbers)
    return {
        "points": 100 * difference.mean,
        "interval low": 100 * difference.low,
        "interval high": 100 * difference.high,
    }


def change(first: ndarray, second: ndarray, groups: Any) -> dict[str, float]:
    """Return the same as columns beside others."""
    difference = points(first, second, groups)
    return {f"change, {name}": value for name, value in difference.items()}


def spread(values: Sequence[float] | ndarray) -> Row:
    """Return the mean over seeds, and the lowest and the highest."""
    return {"mean": float(np.mean(values)), "lowest": min(values), "highest": max(values)}
