"""How much two sets of recordings are alike: real ones and simulated ones."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pokersnn_helpers import Recordings, Split, recording_statistics
from pokersnn_helpers.study.event_statistics import event_statistics


def all_statistics(data: Recordings | Split) -> pd.DataFrame:
    """Summarise every recording in a row: ``recording_statistics``, then ``event_statistics``."""
    recordings = data.train + data.test if isinstance(data, Split) else data
    rows = [event_statistics(events) for events in recordings.events]
    of_events = pd.DataFrame(rows)
    return recording_statistics(data).join(of_events)


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
    low, median, high = _quantiles(real)
    other_low, other_median, other_high = _quantiles(simulated)
    first = np.maximum(low, other_low)
    last = np.minimum(high, other_high)
    common = (last - first).clip(lower=0)
    length = high - low
    other_length = other_high - other_low
    mean_length = (length + other_length) / 2
    overlap = common / mean_length
    points = mean_length == 0  # where both ranges have no length
    overlap[points] = (low == other_low)[points]
    ratio = (other_median / median).where(median != 0)
    return pd.DataFrame(
        {
            "real": median,
            "simulated": other_median,
            "ratio": ratio,
            "overlap": overlap,
        }
    )


def _quantiles(table: pd.DataFrame) -> list[pd.Series]:
    """Return the 5 %, 50 % and 95 % points by class and statistic."""
    of_class = table.drop(columns="set", errors="ignore").groupby("class", sort=False)
    points = [of_class.quantile(share) for share in (0.05, 0.5, 0.95)]
    return [point.T.unstack().rename_axis(["class", "statistic"]) for point in points]


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
    both = pd.concat([real, simulated], ignore_index=True)
    both = both.drop(columns="set", errors="ignore")
    inputs = pd.get_dummies(both, columns=["class"], dtype=float)
    targets = np.repeat([0, 1], [len(real), len(simulated)])
    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), regression)
    predicted = cross_val_predict(model, inputs, targets, cv=folds)
    return float(balanced_accuracy_score(targets, predicted))


def count_close(table: pd.DataFrame) -> dict[str, int]:
    """Count the rows of ``compare_statistics`` in which two sets are close, and all of them: n.

    Medians are when they differ by at most 15%, and spreads when they overlap by at least 70%.
    """
    medians = (table["ratio"] - 1).abs() <= 0.15
    spreads = table["overlap"] >= 0.7
    return {"medians": int(medians.sum()), "spreads": int(spreads.sum()), "n": len(table)}
