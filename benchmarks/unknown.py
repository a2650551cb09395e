"""Does a network know what it doesn't know? A class that it never saw, flagged by its voltages.

Two simple scores of an answer are compared. *Energy*: minus the logarithm of the sum of the
exponentials of the voltages that classes reach (Liu et al. 2020, arXiv:2010.03759). *Distance*: of
the highest and the mean voltage of each class from those of the nearest class, in the covariance
that recordings have within their classes (Lee et al. 2018, arXiv:1807.03888). From a threshold on
that 5 % of other known recordings exceed, by which it is chosen, a recording is flagged.
"""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch

from eventdesk.detector import detector
from eventdesk.files.folders import resize
from pokersnn_helpers import Classifier, Recordings, make_loader, train_classifier
from pokersnn_helpers.out_of_distribution import training_ranges
from pokersnn_helpers.recipe import choose_recipe
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Row, folds
from .outside import is_outside, sets

FLAGGED = 0.05  # of the known recordings, about
SMALL = (16, 16)  # pixels of the gestures, as in chapter 9


def parts(name: str, left_out: int) -> tuple[Trial, Evidence]:
    """Return a trial of all classes but one, and the recordings of that one."""
    evidence = sets()[name]
    if name == "gestures":
        films = evidence.recordings
        small = [resize(events, films.sensor_size, SMALL) for events in films.events]
        films = Recordings(small, films.targets, films.classes, (*SMALL, 2))
        evidence = Evidence(films, evidence.groups)
    targets = np.asarray(evidence.recordings.targets)
    known = evidence.subset(np.flatnonzero(targets != left_out))
    unknown = evidence.subset(np.flatnonzero(targets == left_out))
    classes = tuple(np.delete(evidence.recordings.classes, left_out))
    renumbered = [target - (target > left_out) for target in known.recordings.targets]
    recordings = Recordings(
        known.recordings.events, renumbered, classes, evidence.recordings.sensor_size
    )
    return Evidence(recordings, known.groups).hold_out(), unknown


def voltages(classifier: Classifier, recordings: Recordings) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest voltage of each class, and the mean one, both (recordings, classes)."""
    loader = make_loader(recordings, 64, classifier.time_window, sparse=classifier.takes_sparse)
    highest = []
    mean = []
    with torch.no_grad():
        for frames, _ in loader:
            of_batch, _, _ = classifier.run(frames)
            highest.append(of_batch.amax(0).numpy())
            mean.append(of_batch.mean(0).numpy())
    return np.concatenate(highest), np.concatenate(mean)


def left_out_row(name: str, left_out: int, seed: int, epochs: int | None) -> Row:
    """Train without a class; return by score the shares of known and of its recordings flagged."""
    trial, unknown = parts(name, left_out)
    # Of few groups, one tests and another chooses.
    inner = trial if trial.choose else trial.learn.hold_out(2)
    learned = inner.learn.recordings
    recipe = choose_recipe(learned, epochs=epochs)
    width = recipe.time_window
    classifier, _ = train_classifier(
        learned, seed, "cpu", network=detector(width), time_window=width, epochs=recipe.epochs
    )
    classifier.eval()
    ranges = training_ranges(learned)
    of_learned = np.hstack(voltages(classifier, learned))
    targets = np.asarray(learned.targets)
    means = np.array([of_learned[targets == target].mean(0) for target in sorted(set(targets))])
    within = of_learned - means[targets]
    precision = np.linalg.pinv(within.T @ within / len(within))

    def scores(recordings: Recordings) -> dict[str, np.ndarray]:
        highest, mean = voltages(classifier, recordings)
        away = np.hstack([highest, mean])[:, None] - means
        distances = np.einsum("rci,ij,rcj->rc", away, precision, away)
        sensor = recordings.sensor_size
        outside = [is_outside(ranges, events, sensor) for events in recordings.events]
        return {
            "energy": -torch.logsumexp(torch.from_numpy(highest), 1).numpy(),
            "distance": distances.min(1),
            "ranges": np.array(outside),
        }

    chosen_by = inner.choose or inner.test(lambda held_out: held_out)
    thresholds = {
        score: np.quantile(values, 1 - FLAGGED)
        for score, values in scores(chosen_by.recordings).items()
        if score != "ranges"
    }
    tested = trial.test(lambda held_out: held_out)
    row: Row = {"recordings": name, "left out": unknown.recordings.classes[left_out], "seed": seed}
    for asked, of_part in (("known", tested), ("unknown", unknown)):
        for score, values in scores(of_part.recordings).items():
            flagged = values > thresholds.get(score, 0)
            row[f"{score}, {asked}"] = float(flagged.mean())
    return row


def measure_unknown(seeds: int = 3, epochs: int | None = None) -> Row:
    """Train on all classes but one, for each class, and flag recordings by each score.

    Args:
        seeds: 0 to ``seeds - 1``: of the weights.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per set, class and seed: the shares of known recordings, and of those of the class
        left out, that are flagged by energy, by distance and by the ranges that ``predict`` keeps;
        in ``means`` their means over the classes and seeds of each set.
    """
    jobs: list[tuple[Any, ...]] = []
    for name, evidence in sets().items():
        classes = range(len(evidence.recordings.classes))
        jobs += [(name, *left_out, epochs) for left_out in product(classes, range(seeds))]
    rows = folds.in_parallel(left_out_row, jobs)
    scores = pd.DataFrame(rows).drop(columns=["left out", "seed"])
    means = scores.groupby("recordings", sort=False).mean().reset_index()
    return {"seeds": seeds, "rows": rows, "means": means.to_dict("records")}
