"""How accurate every model of chapter 7 is on all 131 recordings, and what it uses of them."""

from typing import Any

import numpy as np

from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.study.protocol import PerturbedEstimator

from . import folds
from .models import DIRECTION, HYBRID, MODELS, PROFILE, SNN, TRIALS
from .perturbations import CHANGES, DISTURBANCES, forwards_and_backwards

NETWORKS = ("CNN", "GRU", SNN, HYBRID)
COMPARED = (
    *((SNN, other) for other in ("logistic regression", "CNN")),
    *((SNN, f"SNN, {other}") for other in ("plain loop", "no recurrence")),
    *(("GRU", other) for other in (SNN, "logistic regression")),
    *((HYBRID, other) for other in (SNN, "GRU", "CNN", "MLP on each frame")),
    ("MLP on each frame", "MLP"),
)
DISTURBED = ("CNN", SNN, HYBRID)


def measure_accuracy(seeds: int = 10) -> dict[str, Any]:
    """Classify all recordings, each by models that have seen no other of its card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.

    Returns:
        A row per model (``accuracy_rows``), with the means over the pips that stand upright and
        those that stand upside down; and in points what models differ by, with an interval.
    """
    recordings, groups = folds.cards()
    trained = folds.validate(MODELS, range(seeds))
    answers = {name: model.correct(recordings) for name, model in trained.items()}
    rows = folds.accuracy_rows(answers, recordings, groups)
    turned = folds.all_recordings().table["upside down"].to_numpy()
    for row in rows:
        correct = answers[row["model"]]
        row["upright"] = float(correct[:, ~turned].mean())
        row["upside down"] = float(correct[:, turned].mean())
    differences = [
        {"first": first, "second": second, **folds.points(answers[first], answers[second], groups)}
        for first, second in COMPARED
        if {first, second} <= MODELS.keys()
    ]
    return folds.result(seeds, rows, differences=differences)


def measure_changes(seeds: int = 10) -> dict[str, Any]:
    """Classify changed recordings, by networks that were trained on real ones and on changed ones.

    Args:
        seeds: As for ``accuracy``.

    Returns:
        Rows by model, change and whether it was trained on such recordings, too, with what that
        changes in points; and disturbances of the recordings that are tested on, by amount.
    """
    recordings, groups = folds.cards()
    networks = {name: MODELS[name] for name in NETWORKS}
    trained = folds.validate(networks, range(seeds))
    usual = {name: model.correct(recordings) for name, model in trained.items()}

    def row(name: str, change: str, how: str, correct: np.ndarray) -> dict[str, Any]:
        return {"model": name, "change": change, "how": how, **folds.mean(correct, groups)}

    rows = [row(name, "none", "as recorded", correct) for name, correct in usual.items()]
    for change_name, change in CHANGES.items():
        changed = {name: PerturbedEstimator(each, change) for name, each in networks.items()}
        anew = folds.validate(changed, range(seeds))
        for name in networks:
            for how, correct in (
                ("tested", trained[name].correct(change(recordings))),
                ("trained and tested", anew[name].correct(recordings)),
            ):
                difference = folds.change(correct, usual[name], groups)
                rows.append(row(name, change_name, how, correct) | difference)
    profile = folds.validate({PROFILE: DIRECTION[PROFILE]}, range(seeds))[PROFILE]
    rows.append(row(PROFILE, "none", "as recorded", profile.correct(recordings)))
    disturbances = []
    for title, (disturb, amounts) in DISTURBANCES.items():
        for amount in amounts:
            disturbed = disturb(recordings, amount) if amount else recordings
            for name in DISTURBED:
                about = {"change": title, "amount": amount, "model": name}
                correct = trained[name].correct(disturbed) if amount else usual[name]
                disturbances.append(about | folds.mean(correct, groups))
    return folds.result(seeds, rows, disturbances=disturbances)


def measure_direction(seeds: int = 10) -> dict[str, Any]:
    """Tell each recording from its time reversal, by models without any other of its card pass."""
    recordings, passes = folds.cards()
    both, groups = forwards_and_backwards(recordings), [*passes, *passes]
    trained = folds.validate(DIRECTION, range(seeds), (both, groups))
    answers = {name: model.correct(both) for name, model in trained.items()}
    return folds.result(seeds, folds.accuracy_rows(answers, both, groups))


def measure_trials(seeds: int = 3) -> dict[str, Any]:
    """Try settings of models on Tonic's 48 training recordings, by folds that keep passes apart.

    Where the simulated recordings stand in, on all of them.
    """
    recordings, groups = folds.training_cards()
    tried = {(model, name): each for model, some in TRIALS.items() for name, each in some.items()}
    trained = folds.validate(tried, range(seeds), (recordings, groups))
    rows = [
        {"model": model, "setting": name, "mean": float(each.correct(recordings).mean())}
        for (model, name), each in trained.items()
    ]
    return {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}


def measure_nested(seeds: int = 10) -> dict[str, Any]:
    """Classify each recording by a model whose setting, too, was chosen without its fold.

    In each fold, the settings are compared by inner folds of the recordings to train on. That
    which is best there is trained on all of these, and tested on the fold.
    """
    settings, (recordings, groups) = TRIALS[HYBRID], folds.cards()
    rows, correct = [], np.zeros((seeds, len(recordings)), dtype=bool)
    for seed in range(seeds):
        chosen = []
        for learned, held_out in fold_indices(recordings, 3, groups, seed):
            inner, outer = recordings.subset(learned), recordings.subset(held_out)
            tried = folds.validate(settings, [seed], (inner, groups[learned]))
            scores = {name: model.correct(inner).mean() for name, model in tried.items()}
            chosen.append(max(scores, key=scores.__getitem__))
            predicted = settings[chosen[-1]].fit(inner, seed).predict(outer)
            correct[seed, held_out] = predicted == outer.targets
        share = float(correct[seed].mean())
        rows.append({"seed": seed, "correct": share, "chosen": "; ".join(chosen)})
    targets, classes = np.array(recordings.targets), enumerate(recordings.classes)
    by_class = {name: float(correct[:, targets == number].mean()) for number, name in classes}
    return {"recordings": len(recordings), "mean": float(correct.mean()), **by_class, "rows": rows}
