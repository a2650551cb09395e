"""How accurate the models of *Does it need spikes?* are on all 131, and what a GRU uses of them."""

import numpy as np

from eventdesk.evidence.estimators import Perturbation, PerturbedEstimator
from eventdesk.evidence.perturbations import merge_polarities, reversed_time, shuffled_time
from eventdesk.evidence.protocol import Evidence

from . import Options, Row, folds
from .models import HYBRID, MODELS, SETTINGS, SNN

COMPARED = (
    (SNN, "logistic regression"),
    (SNN, "SNN, no recurrence"),
    (HYBRID, SNN),
    (HYBRID, "GRU"),
    (HYBRID, "MLP on each frame"),
)
CHANGES: dict[str, Perturbation] = {
    "time shuffled": shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": merge_polarities,
}


def measure_accuracy(seeds: int = 10, epochs: int | None = None) -> Row:
    """Classify all recordings, each by models that have seen no other of its card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per model; and in points what models differ by, with an interval.
    """
    cards = folds.cards()
    answers = folds.answers(folds.for_epochs(MODELS, epochs), range(seeds), cards)
    rows = []
    for name, correct in answers.items():
        rows.append({"model": name, **folds.mean(correct, cards.groups)})
    differences = []
    for first, second in COMPARED:
        better = folds.points(answers[first], answers[second], cards.groups)
        differences.append({"first": first, "second": second, **better})
    return {"seeds": seeds, "rows": rows, "differences": differences}


def measure_changes(seeds: int = 10, epochs: int | None = None) -> Row:
    """Classify changed recordings, by GRUs that were trained on real ones and on changed ones.

    Args:
        seeds: As for ``accuracy``.
        epochs: As for ``accuracy``.

    Returns:
        Rows by change and whether the GRU was trained on such recordings, too, with what that
        changes in points.
    """
    cards = folds.cards()
    model = folds.for_epochs(MODELS, epochs)["GRU"]
    trained = folds.validate({"GRU": model}, range(seeds), cards)["GRU"]
    unchanged = trained.correct(cards.recordings)
    rows = []
    for name, change in CHANGES.items():
        anew = folds.answers({"GRU": PerturbedEstimator(model, change)}, range(seeds), cards)
        correct = {
            "tested": trained.correct(change(cards.recordings)),
            "trained and tested": anew["GRU"],
        }
        for how, right in correct.items():
            lost = folds.change(right, unchanged, cards.groups)
            rows.append({"model": "GRU", "change": name, "how": how, **lost})
    return {"seeds": seeds, "rows": rows}


def best_of(settings: Options, learn: Evidence, seed: int) -> str:
    """Return the setting that is most accurate on inner folds of what may be learned from."""
    tried = folds.answers(settings, [seed], learn)
    return max(tried, key=lambda name: tried[name].mean())


def measure_nested(seeds: int = 10, epochs: int | None = None) -> Row:
    """Classify each recording by a model whose setting, too, was chosen without its fold.

    In each fold, the settings are compared by inner folds of the recordings to train on. That
    which is best there is trained on all of these, and tested on the fold.
    """
    settings = folds.for_epochs(SETTINGS, epochs)
    cards = folds.cards()
    correct = np.zeros((seeds, len(cards.recordings)), dtype=bool)
    for seed in range(seeds):
        for trial in cards.folds(3, seed):
            best = best_of(settings, trial.learn, seed)
            model = settings[best].fit(trial.learn.recordings, seed)
            held_out, right = trial.correct(model.predict)
            correct[seed, held_out] = right
    shares = correct.mean(axis=1).tolist()
    rows = [{"seed": seed, "correct": share} for seed, share in enumerate(shares)]
    return {"seeds": seeds, **folds.mean(correct, cards.groups), "rows": rows}
