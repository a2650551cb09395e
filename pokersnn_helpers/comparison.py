"""How much two sets of recordings are alike: real cards and simulated ones."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .data import PokerDVS, describe

NEIGHBOURHOOD = 1000  # µs that an event stays a neighbour of those around it


def summarise(data: PokerDVS) -> pd.DataFrame:
    """Sum up every recording in a row, in more detail than ``describe``.

    Args:
        data: What ``load_pokerdvs`` returns.

    Returns:
        The columns of ``describe`` and those of ``details``.
    """
    rows = [details(events) for part in (data.train, data.test) for events, _ in part]
    return describe(data).join(pd.DataFrame(rows))


def details(events: np.ndarray) -> dict[str, float]:
    """Measure how the events of one recording lie in space and time.

    Args:
        events: Structured array with fields t (µs), x, y and p.

    Returns:
        The extent in x and in y (pixels that hold the middle 90% of the events); median, 5% and
        95% point of the interval between successive events of the same pixel (ms); the share of
        isolated events (nothing from the eight pixels around in the 1 ms before, which a noise
        filter would drop); and the share of tied events (another one has the same time stamp).
    """
    times, x, y = (events[field].astype(np.int64) for field in "txy")
    intervals = _same_pixel_intervals(times, x, y) / 1000
    low, middle, high = np.percentile(intervals, [5, 50, 95]) if len(intervals) else [np.nan] * 3
    _, together = np.unique(times, return_counts=True)
    return {
        "extent in x": float(np.subtract(*np.percentile(x, [95, 5]))),
        "extent in y": float(np.subtract(*np.percentile(y, [95, 5]))),
        "interval (ms)": middle,
        "interval 5% (ms)": low,
        "interval 95% (ms)": high,
        "isolated share": _isolated(times, x, y).mean(),
        "tied share": together[together > 1].sum() / len(times),
    }


def _same_pixel_intervals(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    order = np.lexsort((times, x, y))
    same = (np.diff(x[order]) == 0) & (np.diff(y[order]) == 0)
    return np.diff(times[order])[same]


def _isolated(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # One sorted number a pixel and time, so that a pixel's last event before some time can be
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


def compare(real: pd.DataFrame, simulated: pd.DataFrame) -> pd.DataFrame:
    """Set medians and spreads of two sets side by side.

    Args:
        real: What ``summarise`` returns for the one.
        simulated: And for the other.

    Returns:
        For every suit and statistic: both medians, their ratio (simulated over real), and the
        overlap of the spreads: the length that the ranges from the 5% to the 95% point have in
        common, as a share of their mean length. 1 is the same range, 0 nothing in common.
    """
    rows = {}
    for suit, group in real.groupby("suit", sort=False):
        other = simulated[simulated["suit"] == suit]
        for name in group.columns.drop(["set", "suit"]):
            low, median, high = group[name].quantile([0.05, 0.5, 0.95])
            other_low, other_median, other_high = other[name].quantile([0.05, 0.5, 0.95])
            common = max(0.0, min(high, other_high) - max(low, other_low))
            lengths = high - low + other_high - other_low
            rows[suit, name] = {
                "real": median,
                "simulated": other_median,
                "ratio": other_median / median if median else np.nan,
                "overlap": 2 * common / lengths if lengths else float(low == other_low),
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(index=["suit", "statistic"])


def tell_apart(real: pd.DataFrame, simulated: pd.DataFrame, seed: int = 0) -> float:
    """Let a small classifier try to tell the two sets apart: a two-sample test.

    A logistic regression gets the statistics of a recording and its suit. It is tried on recordings
    that it wasn't trained on (five-fold cross-validation). 0.5 is guessing, 1 is always right
    (Lopez-Paz and Oquab 2017, arXiv:1610.06545).

    Args:
        real: What ``summarise`` returns for the one.
        simulated: And for the other.
        seed: Decides the folds.

    Returns:
        Balanced accuracy: the mean of the shares of each set that are told right.
    """
    both = pd.concat([real, simulated], ignore_index=True).drop(columns="set")
    inputs = pd.get_dummies(both, columns=["suit"], dtype=float)
    targets = np.repeat([0, 1], [len(real), len(simulated)])
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    named = cross_val_predict(classifier, inputs, targets, cv=folds)
    return float(balanced_accuracy_score(targets, named))
