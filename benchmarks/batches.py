"""When a recording ends, and is an answer the same whatever shares its batch?"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch

from pokersnn_helpers import Classifier, Recordings, Stream, evaluate, predict
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.simulation.motions import film_motions, with_mirrored_copies
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import NetworkEstimator

from . import folds
from .models import BY_FRAME

SETTLE_MS = (0, 5, 10, 20, 30, 40)
FOLDS = 5
NETWORKS: dict[str, tuple[Callable[[Recordings], Recordings], dict[str, Any]]] = {
    "SNN, book's recipe": (lambda recordings: recordings, {}),
    "SNN behind a layer": (merge_polarities, {"network": LayerThenSNN, **BY_FRAME}),
}
DELAYED: dict[str, Any] = {
    "network": partial(
        LayerThenSNN, delays=(0, 0.004, 0.008), tau_mem=0.005, tau_syn=0.002, hidden_size=20
    ),
    "augment": "none",
    "epochs": 12,
    "learning_rate": 0.004,
}
BATCHES = (1, 8, 60)
FILMS = "SNN with delays, on films"


def measure_settle(seeds: int = 1) -> dict[str, Any]:
    """Compare durations of the silence after the last event, by inner folds.

    Of each of five folds of the 131, the other four are divided into three inner folds, which are
    classified by networks that have seen neither them nor the outer fold.
    """
    rows = []
    for name, ms in product(NETWORKS, SETTLE_MS):
        jobs = product([name], [ms], range(seeds), range(FOLDS))
        accuracy, loss = np.mean(folds.in_parallel(_inner, jobs), axis=0).tolist()
        rows.append({"model": name, "amount": ms, "mean": accuracy, "loss": loss})
    return {"recordings": len(folds.cards()[0]), "seeds": seeds, "rows": rows}


def _inner(name: str, ms: float, seed: int, fold: int) -> np.ndarray:
    recordings, groups = _recordings_for(name)
    learned, _ = fold_indices(recordings, FOLDS, groups, seed)[fold]
    inner, groups = recordings.subset(learned), groups[learned]
    answers = []
    for some, others in fold_indices(inner, 3, groups, seed + fold):
        estimator = NetworkEstimator(**NETWORKS[name][1], settle=ms / 1000)
        estimator.fit(inner.subset(some), seed)
        loader = make_loader(inner.subset(others), 64, sparse=True)
        answer = evaluate(estimator.classifier, loader, "cpu")
        answers.append((answer.accuracy, answer.loss))
    return np.mean(answers, axis=0)


def _recordings_for(name: str) -> tuple[Recordings, Any]:
    recordings, passes = folds.cards()
    return NETWORKS[name][0](recordings), passes


def measure_batches(seeds: int = 10) -> dict[str, Any]:
    """Ask trained networks in batches of several sizes, one by one, and as streams.

    Args:
        seeds: 0 to ``seeds - 1``: of folds and networks, and of films.

    Returns:
        A row per network and way to ask: the share classified correctly, and by how much any
        log-probability differs from that of ``predict``; for the 131 by five grouped folds, and for
        120 films of a moving disc, of 15 to 70 ms.
    """
    rows = []
    for name in (*NETWORKS, FILMS):
        found = folds.in_parallel(_of_network, product([name], range(seeds)))
        for way in found[0]:
            right, differ, others = zip(*(each[way] for each in found), strict=True)
            correct = np.array(right)
            groups = range(correct.shape[1]) if name == FILMS else folds.cards()[1]
            row = {"model": name, "asked": way} | folds.spread(correct.mean(axis=1))
            row |= folds.mean(correct, groups)
            rows.append(row | {"other answers": sum(others), "differ": max(differ)})
    return {"folds": FOLDS, "seeds": seeds, "rows": rows}


def _of_network(name: str, seed: int) -> dict[str, tuple[np.ndarray, float, int]]:
    """Return by way to ask what is correct, the largest difference, and how many answers differ."""
    if name == FILMS:
        learned = merge_polarities(with_mirrored_copies(film_motions(120, 10 * seed)))
        asked = merge_polarities(film_motions(120, 10 * seed + 1, duration=(15, 70)))
        parts, recipe = [(learned, np.arange(len(asked)))], DELAYED
    else:
        asked, groups = _recordings_for(name)
        indices, recipe = fold_indices(asked, FOLDS, groups, seed), NETWORKS[name][1]
        parts = [(asked.subset(some), others) for some, others in indices]
    said = {way: torch.empty(len(asked), len(asked.classes)) for way in _ways(asked)}
    for learned, others in parts:
        classifier = NetworkEstimator(**recipe).fit(learned, seed).classifier
        for way, ask in _ways(asked.subset(others)).items():
            said[way][others] = ask(classifier)
    alone, targets = said["predict"], np.asarray(asked.targets)
    return {
        way: (
            each.argmax(1).numpy() == targets,
            float((each - alone).abs().max()),
            int((each.argmax(1) != alone.argmax(1)).sum()),
        )
        for way, each in said.items()
    }


def _ways(asked: Recordings) -> dict[str, Callable[[Classifier], torch.Tensor]]:
    """Return the ways to ask: each returns log-probabilities, (recordings, classes)."""

    def in_batches(classifier: Classifier, size: int) -> torch.Tensor:
        loader = make_loader(asked, size, sparse=True)
        return evaluate(classifier, loader, "cpu").log_probabilities

    def one_by_one(classifier: Classifier) -> torch.Tensor:
        found = [predict(classifier, events, "cpu") for events in asked.events]
        return torch.stack([classifier.read(each.readout[:, None])[0] for each in found])

    def streamed(classifier: Classifier) -> torch.Tensor:
        stream, found = Stream(classifier), []
        for events in asked.events:
            stream.reset()
            for portion in np.array_split(events, 7):
                stream.push(portion)
            stream.finish()
            found.append(classifier.read(stream.prediction().readout[:, None])[0])
        return torch.stack(found)

    sizes = {f"batches of {size}": size for size in BATCHES} | {"one batch": len(asked)}
    batches = {way: partial(in_batches, size=size) for way, size in sizes.items()}
    return {"predict": one_by_one, **batches, "Stream": streamed}
