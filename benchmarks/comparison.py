"""How much two sets of recordings are alike: real ones and simulated ones."""

from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eventdesk.look.inspection import describe
from pokersnn_helpers import Recordings, Split
from pokersnn_helpers.events.recordings import check_recordings
from pokersnn_helpers.simulation.event_statistics import event_statistics

STATISTICS = ("events", "duration (ms)", "rate (events/ms)", "ON share", "active pixels")


def recording_statistics(data: Recordings | Split) -> DataFrame:
    """Describe every recording in a row; for a split, the column "set" says "train" or "test".

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> list(recording_statistics(data))
        ['class', 'events', 'duration (ms)', 'rate (events/ms)', 'ON share', 'active pixels', 'set']
    """
    if isinstance(data, Split):
        train, test = (recording_statistics(part) for part in (data.train, data.test))
        return pd.concat([train.assign(set="train"), test.assign(set="test")], ignore_index=True)
    check_recordings(data, "data")
    rows = []
    for recording, target in zip(data.events.packed, data.targets, strict=True):
        numbers = describe(recording.image(), int(recording.t[-1]))
        rows.append({"class": data.classes[target], **numbers})
    return DataFrame(rows, columns=["class", *STATISTICS])


def all_statistics(data: Recordings | Split) -> DataFrame:
    """Summarise every recording in a row: ``recording_statistics``, then ``event_statistics``."""
    recordings = data.train + data.test if isinstance(data, Split) else data
    rows = [event_statistics(events) for events in recordings.events]
    of_events = DataFrame(rows)
    return recording_statistics(data).join(of_events)


def pixel_intervals(recordings: Recordings) -> np.ndarray:
    """Return how often a pixel's events follow one another at which intervals, and flip.

    Returns:
        Shares of 20 ranges of intervals, in a geometric series from 10 µs to 50 ms, and the share
        of successive events that differ in polarity, (recordings, 21).
    """
    ranges = np.geomspace(10, 50_000, 21)
    described = []
    for events in recordings.events:
        order = np.lexsort((events["t"], events["x"], events["y"]))
        ordered = events[order]
        same = (np.diff(ordered["x"]) == 0) & (np.diff(ordered["y"]) == 0)
        intervals, _ = np.histogram(np.diff(ordered["t"])[same], ranges)
        flips = np.diff(ordered["p"].astype(int))[same] != 0
        described.append([*intervals, flips.sum()] / max(1, same.sum()))
    return np.array(described)


def c2st_accuracy(real: Any, simulated: Any, seed: int = 0) -> float:
    """Let a small classifier try to tell two sets apart: a classifier two-sample test (C2ST).

    A logistic regression gets the statistics of a recording and its class. It is tested on
    recordings that it wasn't trained on (five-fold cross-validation). 0.5 is guessing, 1 is always
    right (Lopez-Paz and Oquab 2017, arXiv:1610.06545).

    Args:
        real: A row of numbers for each recording of the one, and its class where there is one.
        simulated: And of the other.
        seed: Decides the folds.

    Returns:
        Balanced accuracy: the mean of the shares of each set that are classified correctly.
    """
    both = pd.concat([DataFrame(real), DataFrame(simulated)], ignore_index=True)
    inputs = pd.get_dummies(both.drop(columns="set", errors="ignore"), dtype=float)
    inputs.columns = inputs.columns.astype(str)
    targets = np.repeat([0, 1], [len(real), len(simulated)])
    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), regression)
    predicted = cross_val_predict(model, inputs, targets, cv=folds)
    return float(balanced_accuracy_score(targets, predicted))
