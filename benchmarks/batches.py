"""When a recording ends, and is an answer the same whatever shares its batch?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from pokersnn_helpers import Classifier, Recordings, Stream, evaluate, predict
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.simulation.motions import film_motions, with_mirrored_copies
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import BY_FRAME, NetworkEstimator

from .accuracy import all_recordings, mean

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
    "augment": None,
    "epochs": 12,
    "learning_rate": 0.004,
}
BATCHES = (1, 8, 60)


def measure_settle(
    seeds: int = 1, *, processes: int = 2, settle_ms: Sequence[float] = SETTLE_MS
) -> dict[str, Any]:
    """Compare durations of the silence after the last event, by inner folds.

    Of each of five folds of the 131, the other four are divided into three inner folds, which are
    classified by networks that have seen neither them nor the outer fold.

    Args:
        seeds: 0 to ``seeds - 1``.
        processes: How many train at the same time.
        settle_ms: What to try.
    """
    tried = [
        (name, ms, seed, fold)
        for name in NETWORKS
        for ms in settle_ms
        for seed in range(seeds)
        for fold in range(FOLDS)
    ]
    found = Parallel(processes)(delayed(_inner)(*each) for each in tried)
    rows = []
    for name in NETWORKS:
        for ms in settle_ms:
            some = [f for (n, m, *_), f in zip(tried, found, strict=True) if (n, m) == (name, ms)]
            accuracy, loss = np.mean(some, axis=0)
            rows.append({"model": name, "amount": ms, "mean": accuracy, "loss": loss})
    return {"recordings": len(all_recordings().recordings), "seeds": seeds, "rows": rows}


def _inner(name: str, ms: float, seed: int, fold: int) -> tuple[float, float]:
    recordings, groups = _recordings_for(name)
    learned, _ = fold_indices(recordings, FOLDS, groups, seed)[fold]
    inner, groups = recordings.subset(learned), groups[learned]
    answers = []
    for some, others in fold_indices(inner, 3, groups, seed + fold):
        estimator = NetworkEstimator(**NETWORKS[name][1], settle=ms / 1000)
        estimator.fit(inner.subset(some), seed)
        loader = make_loader(inner.subset(others), 64, sparse=True)
        answers.append(evaluate(estimator.classifier, loader, "cpu"))
    return float(np.mean([a.accuracy for a in answers])), float(np.mean([a.loss for a in answers]))


def _recordings_for(name: str) -> tuple[Recordings, Any]:
    everything = all_recordings()
    return NETWORKS[name][0](everything.recordings), everything.table["pass"].to_numpy()


def measure_batches(seeds: int = 10, *, processes: int = 2) -> dict[str, Any]:
    """Ask trained networks in batches of several sizes, one by one, and as streams.

    Args:
        seeds: 0 to ``seeds - 1``: of folds and networks, and of films.
        processes: How many train at the same time.

    Returns:
        A row per network and way to ask: the share classified correctly, and by how much any
        log-probability differs from that of ``predict``; for the 131 by five grouped folds, and for
        120 films of a moving disc, of 15 to 70 ms.
    """
    jobs = [(name, seed) for name in (*NETWORKS, "films") for seed in range(seeds)]
    found = Parallel(processes)(delayed(_of_network)(*each) for each in jobs)
    rows = []
    _, groups = _recordings_for("SNN, book's recipe")
    for name in (*NETWORKS, "films"):
        parts = [f for (n, _), f in zip(jobs, found, strict=True) if n == name]
        for way in parts[0]:
            correct = np.array([part[way][0] for part in parts])
            alone = groups if name in NETWORKS else range(correct.shape[1])
            differ = max(part[way][1] for part in parts)
            others = sum(part[way][2] for part in parts)
            by_seed = correct.mean(axis=1)
            rows.append(
                {
                    "model": "SNN with delays, on films" if name == "films" else name,
                    "asked": way,
                    **mean(correct, alone),
                    "lowest": by_seed.min(),
                    "highest": by_seed.max(),
                    "other answers": others,
                    "differ": differ,
                }
            )
    return {"folds": FOLDS, "seeds": seeds, "rows": rows}


def _of_network(name: str, seed: int) -> dict[str, tuple[np.ndarray, float, int]]:
    """Return by way to ask what is correct, the largest difference, and how many answers differ."""
    if name == "films":
        learned = merge_polarities(with_mirrored_copies(film_motions(120, 10 * seed)))
        asked = merge_polarities(film_motions(120, 10 * seed + 1, duration=(15, 70)))
        classifiers = [
            (NetworkEstimator(**DELAYED).fit(learned, seed).classifier, np.arange(len(asked)))
        ]
    else:
        asked, groups = _recordings_for(name)
        classifiers = [
            (NetworkEstimator(**NETWORKS[name][1]).fit(asked.subset(some), seed).classifier, others)
            for some, others in fold_indices(asked, FOLDS, groups, seed)
        ]
    said = {way: torch.empty(len(asked), len(asked.classes)) for way in _ways(asked)}
    for classifier, others in classifiers:
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

    sizes = {f"batches of {size}": partial(in_batches, size=size) for size in BATCHES}
    whole = {"one batch": partial(in_batches, size=len(asked))}
    return {"predict": one_by_one, **sizes, **whole, "Stream": streamed}
