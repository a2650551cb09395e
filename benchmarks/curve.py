"""Accuracy against operations, and networks that have seen other kinds of passes than they meet."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from eventdesk.evidence.estimators import NetworkEstimator, PerturbedEstimator
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import GRU, FrameMLP
from pokersnn_helpers import Recordings

from . import Options, Row, folds, store
from .counting import count_operations
from .models import BY_FRAME, HYBRID, MODELS, merged
from .operations import count_regression, frames_of
from .timing import recordings

UNITS = (4, 8, 20, 50, 100)
Size = tuple[str, int]  # a kind, and its units
RATES = (0.001, 0.002, 0.004)
CHOOSING_SEEDS = (0, 1)
REGRESSION = "logistic regression"
DIGITS = f"{Path(__file__).with_name('digits.py')}:digits"
# Each made of a number of units and a learning rate. A layer before a memory has as many units as
# that, or always so few as FEATURES.
FEATURES = 8
BEHIND_FEW = f"{HYBRID} of {FEATURES}"
GRU_BEHIND_FEW = f"GRU behind a layer of {FEATURES}"
KINDS: dict[str, Callable[[int, float], Any]] = {
    "SNN": lambda units, rate: NetworkEstimator(hidden_size=units, learning_rate=rate),
    HYBRID: lambda units, rate: hybrid(units, units, rate),
    BEHIND_FEW: lambda units, rate: hybrid(FEATURES, units, rate),
    "GRU": lambda units, rate: gru(units, units, rate),
    GRU_BEHIND_FEW: lambda units, rate: gru(FEATURES, units, rate),
    "MLP on each frame": lambda units, rate: merged(
        NetworkEstimator(FrameMLP, hidden_size=units, learning_rate=rate)
    ),
}


def hybrid(features: int, units: int, rate: float) -> PerturbedEstimator:
    """Return an SNN behind a layer."""
    return merged(
        NetworkEstimator(LayerThenSNN, features=features, hidden_size=units, learning_rate=rate)
    )


def gru(features: int, units: int, rate: float) -> NetworkEstimator:
    """Return a GRU behind a layer."""
    return NetworkEstimator(
        GRU, features=features, hidden_size=units, clip_norm=1.0, learning_rate=rate
    )


# What *Does it need spikes?* compares, and a GRU that sees what the hybrid sees, at its rate.
NAMED: Options = {
    HYBRID: MODELS[HYBRID],
    "GRU": MODELS["GRU"],
    "GRU, polarities merged": merged(NetworkEstimator(GRU, clip_norm=1.0, **BY_FRAME)),
    "MLP on each frame": MODELS["MLP on each frame"],
    REGRESSION: MODELS[REGRESSION],
}


def dealt(cards: Evidence, seed: int) -> list[Trial]:
    """Return three trials, to which the passes of each suit are dealt out in random order.

    Their folds differ more in what can be learned from than those of ``stratified_folds``, which
    hold about as many recordings of each suit.
    """
    rng = np.random.default_rng(seed)
    suits = np.asarray(cards.recordings.targets)
    hands: list[list[int]] = [[], [], []]
    for suit in np.unique(suits):
        first = rng.integers(3)
        for number, each in enumerate(rng.permutation(np.unique(cards.groups[suits == suit]))):
            hands[(first + number) % 3].append(each)
    return [cards.without(*hand) for hand in hands]


def balanced(cards: Evidence, seed: int) -> list[Trial]:
    """Return three trials, whose folds hold about as many recordings of each suit."""
    return cards.folds(3, seed)


DIVISIONS = {"balanced": balanced, "dealt": dealt}


def answers_to(model: Any, trials: Sequence[Trial], seed: int, on: Evidence) -> ndarray:
    """Say which recordings a model classifies correctly, trained without each fold in turn."""
    right = np.zeros(len(on.recordings), dtype=bool)
    for trial in trials:
        model.fit(trial.learn.recordings, seed)
        numbers, correct = trial.correct(model.predict)
        right[numbers] = correct
    return right


def of_kind(kind: str, units: int, rate: float, epochs: int | None) -> Any:
    """Return an untrained model of a size."""
    return folds.for_epochs({kind: KINDS[kind](units, rate)}, epochs)[kind]


def learned_and_tested(source: str | None) -> tuple[Recordings, Recordings]:
    """Return Tonic's training and test recordings, or of a source those of its first trial."""
    if source is None:
        data = recordings()
        return data.train, data.test
    trial = folds.evidence(source).folds(3)[0]
    return trial.learn.recordings, trial.test(lambda tested: tested.recordings)


def share_with_rate(
    kind: str, units: int, rate: float, seed: int, epochs: int | None, source: str | None
) -> float:
    """Return the share that is right by inner folds of what rates are chosen by.

    That is Tonic's training recordings, or of a source what its first trial learns from.
    """
    chosen_by = folds.training_cards()
    if source is not None:
        learned = folds.evidence(source).folds(3)[0].learn
        chosen_by = Evidence(learned.recordings, learned.groups)
    model = of_kind(kind, units, rate, epochs)
    return float(answers_to(model, chosen_by.folds(3, seed), seed, chosen_by).mean())


def answers_of_kind(
    kind: str,
    units: int,
    rate: float,
    division: str,
    seed: int,
    epochs: int | None,
    source: str | None,
) -> ndarray:
    """Say which of all recordings a model of this size classifies correctly."""
    every = folds.evidence(source)
    model = of_kind(kind, units, rate, epochs)
    return answers_to(model, DIVISIONS[division](every, seed), seed, every)


def answers_of_named(
    name: str, division: str, seed: int, epochs: int | None, source: str | None
) -> ndarray:
    """Say which of all recordings a model of ``NAMED`` classifies correctly."""
    every = folds.evidence(source)
    model = folds.for_epochs(NAMED, epochs)[name]
    return answers_to(model, DIVISIONS[division](every, seed), seed, every)


def kept(function: Callable[..., Any], source: str | None) -> Callable[..., Any]:
    """Return a function that keeps what it returns, unless its source may change unnoticed."""
    return store.resumed(function) if source in (None, DIGITS) else function


def best_rates(sizes: Sequence[Size], epochs: int | None, source: str | None) -> dict[Size, float]:
    """Choose the learning rate of each kind and size by inner folds."""
    jobs = [
        (kind, units, rate, seed, epochs, source)
        for kind, units in sizes
        for rate in RATES
        for seed in CHOOSING_SEEDS
    ]
    shares = folds.in_parallel(kept(share_with_rate, source), jobs)
    by_rate = np.reshape(shares, (len(sizes), len(RATES), len(CHOOSING_SEEDS))).mean(axis=2)
    best = by_rate.argmax(axis=1)  # of equals the first
    return {size: RATES[number] for size, number in zip(sizes, best, strict=True)}


def cost(kind: str, units: int, rate: float, epochs: int | None, source: str | None) -> Row:
    """Train with seed 0, and count for what wasn't learned from."""
    learned, test = learned_and_tested(source)
    model = of_kind(kind, units, rate, epochs).fit(learned, 0)
    network = model
    if isinstance(model, PerturbedEstimator):
        network = model.estimator
        test = model.perturb(test)
    classifier = network.classifier
    operations = count_operations(classifier, frames_of(test, classifier.time_window))
    weights = sum(weight.numel() for weight in classifier.parameters())
    return {"weights": weights, "operations": float(operations.effective.mean())}


def cost_of_regression(source: str | None) -> Row:
    """Count for the logistic regression, with an addition for each event of the sum."""
    learned, test = learned_and_tested(source)
    model = MODELS[REGRESSION].fit(learned, 0)
    multiplied = count_regression(model, test).effective.mean()
    added = np.mean([len(events) for events in test.events])
    _, regression = model.model
    return {"weights": regression.coef_.size, "operations": float(multiplied + added)}


def measure_curve(
    seeds: int = 10,
    epochs: int | None = None,
    source: str | None = None,
    kinds: Sequence[str] = tuple(KINDS),
    sizes: Sequence[int] = UNITS,
) -> Row:
    """Say how accurate models of several sizes are, and what an answer of theirs costs.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of each model's own.
        source: As for ``folds.evidence``.
        kinds: Of ``KINDS``.
        sizes: Units of each.

    Returns:
        A row per model, number of units and kind of folds.
    """
    groups = folds.evidence(source).groups
    rates = best_rates([(kind, units) for kind in kinds for units in sizes], epochs, source)
    jobs = [
        (kind, units, rate, division, seed, epochs, source)
        for seed in range(seeds)
        for (kind, units), rate in rates.items()
        for division in DIVISIONS
    ]
    found = folds.in_parallel(kept(answers_of_kind, source), jobs)
    shape = (seeds, len(rates), len(DIVISIONS), len(groups))
    by_model = np.reshape(found, shape).transpose(1, 2, 0, 3)
    rows = []
    for (kind, units), answers in zip(rates, by_model, strict=True):
        costs = cost(kind, units, rates[kind, units], epochs, source)
        about = {"model": kind, "units": units}
        further = {"learning rate": rates[kind, units]} | costs
        rows += rows_of(about, answers, further, groups)
    asked = [
        (REGRESSION, division, seed, epochs, source)
        for division in DIVISIONS
        for seed in range(seeds)
    ]
    answers = np.reshape(folds.in_parallel(answers_of_named, asked), (len(DIVISIONS), seeds, -1))
    rows += rows_of({"model": REGRESSION}, answers, cost_of_regression(source), groups)
    return {"seeds": seeds, "rows": rows}


def rows_of(about: Row, answers: ndarray, further: Row, groups: Any) -> list[Row]:
    """Return a row for each kind of folds: the mean, its interval, and the worst and best seed."""
    rows = []
    for division, correct in zip(DIVISIONS, answers, strict=True):
        by_seed = correct.mean(axis=1)
        range_of_seeds = {"worst seed": float(by_seed.min()), "best seed": float(by_seed.max())}
        right = folds.mean(correct, groups) | range_of_seeds
        rows.append(about | {"folds": division} | right | further)
    return rows


def measure_dealt(seeds: int = 20, epochs: int | None = None, source: str | None = None) -> Row:
    """Compare networks when the passes of each suit are dealt out to folds at random.

    Args:
        seeds: As for ``curve``; each is a deal.
        epochs: As for ``curve``.
        source: As for ``curve``.

    Returns:
        A row per model; by how many points the first is better than others, with an interval over
        passes, for each suit, too; and what is right of each pass.
    """
    every = folds.evidence(source)
    jobs = [(name, "dealt", seed, epochs, source) for name in NAMED for seed in range(seeds)]
    found = folds.in_parallel(kept(answers_of_named, source), jobs)
    answers = dict(zip(NAMED, np.reshape(found, (len(NAMED), seeds, -1)), strict=True))
    rows = [
        {"model": name, **folds.mean(correct, every.groups)} for name, correct in answers.items()
    ]
    suits = np.asarray(every.recordings.targets)
    chosen = {"all": suits >= 0}
    for number in np.unique(suits):
        chosen[every.recordings.classes[number]] = suits == number
    differences = []
    for name in [name for name in NAMED if name != HYBRID]:
        for suit, of_suit in chosen.items():
            better = folds.points(
                answers[HYBRID][:, of_suit], answers[name][:, of_suit], every.groups[of_suit]
            )
            differences.append({"first": HYBRID, "second": name, "suit": suit, **better})
    passes = []
    for number in np.unique(every.groups):
        of_pass = every.groups == number
        shares = {name: float(correct[:, of_pass].mean()) for name, correct in answers.items()}
        suit = every.recordings.classes[suits[of_pass][0]]
        passes.append(
            {"pass": int(number), "suit": suit, "recordings": int(of_pass.sum()), **shares}
        )
    return {"seeds": seeds, "rows": rows, "differences": differences, "passes": passes}


def measure_digits(seeds: int = 3, epochs: int | None = None) -> Row:
    """Say of a second set, digits of N-MNIST, what ``curve`` and ``dealt`` say of cards.

    Args:
        seeds: As for ``curve``.
        epochs: As for ``curve``.

    Returns:
        Rows as of ``curve``, of fewer kinds and sizes, and differences as of ``dealt``.
    """
    kinds = ("SNN", HYBRID, "GRU", "MLP on each frame")
    curve = measure_curve(seeds, epochs, DIGITS, kinds, sizes=(8, 100))
    return curve | {"differences": measure_dealt(seeds, epochs, DIGITS)["differences"]}
