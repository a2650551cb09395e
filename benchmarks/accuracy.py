"""How accurate every model of chapter 7 is on all 131 recordings, and what it uses of them."""

import numpy as np

from pokersnn_helpers.study.estimators import PerturbedEstimator
from pokersnn_helpers.study.protocol import Evidence

from . import Options, Row, folds
from .models import HYBRID, MODELS, SETTINGS, SNN
from .perturbations import CHANGES

NETWORKS = ("GRU", SNN, HYBRID)
COMPARED = (
    (SNN, "logistic regression"),
    (SNN, "SNN, no recurrence"),
    (HYBRID, SNN),
    (HYBRID, "GRU"),
    (HYBRID, "MLP on each frame"),
)


def measure_accuracy(seeds: int = 10, epochs: int | None = None) -> Row:
    """Classify all recordings, each by models that have seen no other of its card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per model (``accuracy_rows``); and in points what models differ by, with an interval.
    """
    cards = folds.cards()
    answers = folds.answers(folds.for_epochs(MODELS, epochs), range(seeds), cards)
    rows = folds.accuracy_rows(answers, cards)
    return folds.result(seeds, rows, differences=folds.differences(answers, COMPARED, cards.groups))


def measure_changes(seeds: int = 10, epochs: int | None = None) -> Row:
    """Classify changed recordings, by networks that were trained on real ones and on changed ones.

    Args:
        seeds: As for ``accuracy``.
        epochs: As for ``accuracy``.

    Returns:
        Rows by model, change and whether it was trained on such recordings, too, with what that
        changes in points.
    """
    cards = folds.cards()
    models = folds.for_epochs(MODELS, epochs)
    networks = {name: models[name] for name in NETWORKS}
    trained = folds.validate(networks, range(seeds), cards)
    unchanged = {name: model.correct(cards.recordings) for name, model in trained.items()}
    rows: list[Row] = []

    def add_row(model: str, change: str, how: str, correct: np.ndarray) -> None:
        row = {"model": model, "change": change, "how": how, **folds.mean(correct, cards.groups)}
        if change != "none":
            row |= folds.change(correct, unchanged[model], cards.groups)
        rows.append(row)

    for name, correct in unchanged.items():
        add_row(name, "none", "as recorded", correct)
    for change_name, change in CHANGES.items():
        changed = change(cards.recordings)
        learners = {name: PerturbedEstimator(model, change) for name, model in networks.items()}
        anew = folds.answers(learners, range(seeds), cards)
        for name in networks:
            add_row(name, change_name, "tested", trained[name].correct(changed))
            add_row(name, change_name, "trained and tested", anew[name])
    return folds.result(seeds, rows)


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
    rows = []
    for seed in range(seeds):
        chosen = []
        for trial in cards.folds(3, seed):
            learn = trial.learn
            best = best_of(settings, learn, seed)
            chosen.append(best)
            model = settings[best].fit(learn.recordings, seed)
            held_out, right = trial.correct(model.predict)
            correct[seed, held_out] = right
        share = float(correct[seed].mean())
        rows.append({"seed": seed, "correct": share, "chosen": "; ".join(chosen)})
    return {
        "recordings": len(cards.recordings),
        "seeds": seeds,
        **folds.mean(correct, cards.groups),
        "rows": rows,
    }
