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
