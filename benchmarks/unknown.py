"""Does a network know what it doesn't know? A class that it never saw, flagged as ``predict`` does.

A network is trained without one class, as the command ``train`` trains: on some groups, where there
are enough with others to choose the epoch by, and it is asked about groups that it hasn't seen and
about the class left out. ``predict`` calls unlike training what lies outside the ranges of training
or what its ``Familiar`` doesn't know, by its image or by hidden spikes. Beside it stands the score
of the image alone, which needs no network. AUROC is the probability that of a known and an unknown
recording the unknown one has the higher score.
"""

from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.files.folders import resize
from eventdesk.models.detector import detector
from eventdesk.trained.familiar import IMAGE, Known, what_is_outside
from pokersnn_helpers import (
    Recordings,
    Split,
    load_nmnist,
    train_classifier,
)
from pokersnn_helpers.simulation.gestures import film_gestures
from pokersnn_helpers.training.recipe import choose_recipe

from . import Row, folds

SMALL = (16, 16)  # pixels of the gestures, as in *Your own recordings*


@cache
def sets() -> dict[str, Evidence]:
    """Return recordings, and the group of each."""
    digits = load_nmnist()
    both = digits.train + digits.test
    films, people = film_gestures(takes=10)
    small = [resize(events, films.sensor_size, SMALL) for events in films.events]
    gestures = Recordings(small, films.targets, films.classes, (*SMALL, 2))
    return {
        "cards": folds.cards(),
        "digits": Evidence(both, range(len(both))),
        "gestures": Evidence(gestures, people),
    }


def parts(name: str, left_out: int) -> tuple[Trial, Evidence]:
    """Return a trial of all classes but one, and the recordings of that one."""
    evidence = sets()[name]
    targets = np.asarray(evidence.recordings.targets)
    known = evidence.subset(np.flatnonzero(targets != left_out))
    unknown = evidence.subset(np.flatnonzero(targets == left_out))
    classes = tuple(np.delete(evidence.recordings.classes, left_out))
    renumbered = [target - (target > left_out) for target in known.recordings.targets]
    recordings = Recordings(
        known.recordings.events, renumbered, classes, evidence.recordings.sensor_size
    )
    return Evidence(recordings, known.groups).hold_out(), unknown


def left_out_row(name: str, left_out: int, seed: int, epochs: int | None) -> Row:
    """Train without a class; say which shares of known and of its recordings are flagged."""
    trial, unknown = parts(name, left_out)
    learned = trial.learn.recordings
    groups = [*trial.learn.groups]
    validation = None
    if trial.choose:
        validation = trial.choose.recordings
        groups += [*trial.choose.groups]
    recipe = choose_recipe(learned, epochs=epochs)
    width = recipe.time_window
    classifier, _ = train_classifier(
        Split(learned, learned.subset([0]), validation=validation, groups=groups),
        seed=seed,
        device="cpu",
        network=detector(width),
        time_window=width,
        epochs=recipe.epochs,
    )
    known = Known.of(learned + validation if validation else learned, classifier, groups)
    familiar: Any = known.familiar  # of enough recordings

    tested = trial.test(lambda held_out: held_out).recordings
    row: Row = {"recordings": name, "left out": unknown.recordings.classes[left_out], "seed": seed}
    image, either = [], []  # by how many standard deviations they are beyond a limit
    for asked, recordings in (("known", tested), ("unknown", unknown.recordings)):
        beyond = familiar.beyond(recordings, classifier)
        outside = [
            bool(what_is_outside(known.ranges, packed.image(), packed.t[-1]))
            for packed in recordings.events.packed
        ]
        image.append(beyond[IMAGE])
        either.append(np.max([*beyond.values()], axis=0))
        row[f"predict, {asked}"] = float(((either[-1] > 0) | outside).mean())
    truth = np.repeat([0, 1], [*map(len, image)])
    for score, values in (("predict", either), ("image", image)):
        row[f"{score}, AUROC"] = float(roc_auc_score(truth, np.concatenate(values)))
    return row


def measure_unknown(seeds: int = 3, epochs: int | None = None) -> Row:
    """Train on all classes but one, for each class, and flag recordings as ``predict`` does.

    Args:
        seeds: 1 to ``seeds``, of the weights; the rule was chosen with 0.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per set, class and seed: the shares of known recordings, and of those of the class
        left out, that are flagged; and the AUROC of both scores. In ``means`` are their means over
        the classes and seeds.
    """
    jobs: list[tuple[Any, ...]] = []
    for name, evidence in sets().items():
        classes = range(len(evidence.recordings.classes))
        jobs += [(name, *which, epochs) for which in product(classes, range(1, seeds + 1))]
    rows = folds.in_parallel(left_out_row, jobs)
    scores = pd.DataFrame(rows).drop(columns=["left out", "seed"])
    means = scores.groupby("recordings", sort=False).mean().reset_index()
    return {"seeds": seeds, "rows": rows, "means": means.to_dict("records")}
