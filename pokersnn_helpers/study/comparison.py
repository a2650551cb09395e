"""How much two sets of recordings are alike: real ones and simulated ones."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..recordings import Recordings, Split, check_recordings, recording_statistics

NEIGHBOURHOOD = 1000  # µs that an event stays a neighbour of those around it


def event_statistics(events: np.ndarray) -> dict[str, float]:
    """Measure how the events of one recording lie in space and time.

    Args:
        events: Structured array with fields t (µs), x, y and p; sorted, at least one event.

    Returns:
        The extent in x and in y (pixels that hold the middle 90% of the events); median, 5% and
        95% point of the interval between successive events of the same pixel (ms; NaN without
        any); the share of isolated events (nothing from the eight pixels around in the 1 ms before,
        which a noise filter would drop); and the share of tied events (another one has the same
        time stamp).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> list(event_statistics(some.events[0]))[:2]
        ['extent in x', 'extent in y']
    """
    times, x, y = (events[field].astype(np.int64) for field in "txy")
    order = np.lexsort((times, x, y))
    same_pixel = (np.diff(x[order]) == 0) & (np.diff(y[order]) == 0)
    intervals = np.diff(times[order])[same_pixel] / 1000
    low, middle, high = np.percentile(intervals, [5, 50, 95]) if len(intervals) else [np.nan] * 3
    counts = np.unique(times, return_counts=True)[1]
    return {
        "extent in x": float(np.subtract(*np.percentile(x, [95, 5]))),
        "extent in y": float(np.subtract(*np.percentile(y, [95, 5]))),
        "interval (ms)": middle,
        "interval 5% (ms)": low,
        "interval 95% (ms)": high,
        "isolated share": _isolated(times, x, y).mean(),
        "tied share": counts[counts > 1].sum() / len(times),
    }


def _isolated(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # One sorted number per pixel and time, so that a pixel's last event before some time can be
    # looked up for all events at once. Pixels are far enough apart not to run into each other.
    far = int(times[-1]) + 2 * NEIGHBOURHOOD
    width = int(x.max()) + 3
    pixel = (y + 1) * width + x + 1
    keys = np.sort(pixel * far + times)
    isolated = np.ones(len(times), dtype=bool)
    for neighbour in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
        now = (pixel + neighbour) * far + times
        since = np.searchsorted(keys, now - NEIGHBOURHOOD, side="left")
        isolated &= np.searchsorted(keys, now, side="left") == since
    return isolated


def all_statistics(data: Recordings | Split) -> pd.DataFrame:
    """Summarise every recording in a row: ``recording_statistics``, then ``event_statistics``."""
    recordings = data.train + data.test if isinstance(data, Split) else data
    check_recordings(recordings)
    rows = [event_statistics(events) for events in recordings.events]
    return recording_statistics(data).join(pd.DataFrame(rows))


def compare_statistics(real: pd.DataFrame, simulated: pd.DataFrame) -> pd.DataFrame:
    """Set medians and spreads of two sets side by side.

    Args:
        real: What ``all_statistics`` returns for the one.
        simulated: And for the other.

    Returns:
        For every class and statistic: both medians, their ratio (simulated over real), and the
        overlap of the spreads: the length that the ranges from the 5% to the 95% point have in
        common, as a share of their mean length. 1 is the same range, 0 nothing in common.
    """
    _check_classes(real, simulated)
    tables = [
        _quantiles(table, share) for share in (0.05, 0.5, 0.95) for table in (real, simulated)
    ]
    low, other_low, median, other_median, high, other_high = tables
    common = (np.minimum(high, other_high) - np.maximum(low, other_low)).clip(lower=0)
    lengths = high - low + other_high - other_low
    overlap = (2 * common / lengths).where(lengths > 0, (low == other_low).astype(float))
    ratio = (other_median / median).where(median != 0)
    columns = {"real": median, "simulated": other_median, "ratio": ratio, "overlap": overlap}
    return pd.DataFrame(columns)


def _check_classes(real: pd.DataFrame, simulated: pd.DataFrame) -> None:
    found = sorted(set(real["class"])), sorted(set(simulated["class"]))
    if found[0] != found[1] or len(found[0]) < 2:
        raise ValueError(
            f"the sets have recordings of {', '.join(found[0])} and of {', '.join(found[1])}; give "
            "some of the same two or more classes"
        )


def _quantiles(table: pd.DataFrame, share: float) -> pd.Series:
    by_class = table.drop(columns="set", errors="ignore").groupby("class", sort=False)
    return by_class.quantile(share).T.unstack().rename_axis(["class", "statistic"])


class Closeness(NamedTuple):
    """How many of ``n`` statistics are close: their medians, and their spreads."""

    medians: int
    spreads: int
    n: int


def count_close(table: pd.DataFrame) -> Closeness:
    """Count the rows of ``compare_statistics`` in which two sets are close.

    Medians are when they differ by at most 15%, and spreads when they overlap by at least 70%.
    """
    medians = (table["ratio"] - 1).abs() <= 0.15
    return Closeness(int(medians.sum()), int((table["overlap"] >= 0.7).sum()), len(table))


def c2st_accuracy(real: pd.DataFrame, simulated: pd.DataFrame, seed: int = 0) -> float:
    """Let a small classifier try to tell two sets apart: a classifier two-sample test (C2ST).

    A logistic regression gets the statistics of a recording and its class. It is tested on
    recordings that it wasn't trained on (five-fold cross-validation). 0.5 is guessing, 1 is always
    right (Lopez-Paz and Oquab 2017, arXiv:1610.06545).

    Args:
        real: What ``all_statistics`` returns for the one.
        simulated: And for the other.
        seed: Decides the folds.

    Returns:
        Balanced accuracy: the mean of the shares of each set that are classified correctly.
    """
    _check_classes(real, simulated)
    both = pd.concat([real, simulated], ignore_index=True).drop(columns="set", errors="ignore")
    inputs = pd.get_dummies(both, columns=["class"], dtype=float)
    targets = np.repeat([0, 1], [len(real), len(simulated)])
    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), regression), inputs, targets, cv=folds
    )
    return float(balanced_accuracy_score(targets, predicted))
