"""When a recording ends, when its answer is read, and is it the same whatever shares its batch?"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from pokersnn_helpers import Classifier, Recordings, Stream, decode, evaluate, predict
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.simulation.motions import film_motions, with_mirrored_copies
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import NetworkEstimator, Perturbation

from . import Options, Row, folds
from .models import BY_FRAME

SETTLE_MS = (0, 5, 10, 20, 30, 40)
FOLDS = 5
NETWORKS: dict[str, tuple[Perturbation, Options]] = {
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
FILMS = "SNN with delays, on films"


def decode_last(voltages: Tensor) -> Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their last step."""
    return torch.log_softmax(voltages[-1], dim=-1)


def decode_mean(voltages: Tensor) -> Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their means."""
    return torch.log_softmax(voltages.mean(dim=0), dim=-1)


DECODES = {"maximum": decode, "last": decode_last, "mean": decode_mean}


def measure_settle(seeds: int = 1) -> Row:
    """Compare durations of the silence after the last event, by inner folds.

    Of each of five folds of the 131, the other four are divided into three inner folds, which are
    classified by networks that have seen neither them nor the outer fold.
    """
    rows = []
    for name, ms in product(NETWORKS, SETTLE_MS):
        jobs = product([name], [ms], range(seeds), range(FOLDS))
        accuracy, loss = np.mean(folds.in_parallel(_with_silence, jobs), axis=0).tolist()
        rows.append({"model": name, "amount": ms, "mean": accuracy, "loss": loss})
    return {"recordings": len(folds.cards()[0]), "seeds": seeds, "rows": rows}


def measure_decodes(seeds: int = 3) -> Row:
    """Compare ways to read an answer off the voltages, by the same inner folds.

    Returns:
        A row per network and decode, by which it is trained and asked: mean, lowest and highest
        accuracy of the seeds; in which share of the recordings the winner's voltage is highest in
        the last step that is read; and in which share the last step alone gives another answer.
    """
    rows = []
    for name, rule in product(NETWORKS, DECODES):
        jobs = product([name], [rule], range(seeds), range(FOLDS))
        results = np.array(folds.in_parallel(_by_decode, jobs)).reshape(seeds, FOLDS, -1)
        accuracy, loss, at_the_end, others = results.mean(axis=1).T
        row = {
            "model": name,
            "decode": rule,
            **folds.spread(accuracy.tolist()),
            "loss": float(loss.mean()),
        }
        row["highest at the end"] = float(at_the_end.mean())
        row["other in the last step"] = float(others.mean())
        rows.append(row)
    return {"recordings": len(folds.cards()[0]), "seeds": seeds, "rows": rows}


def _with_silence(name: str, ms: float, seed: int, fold: int) -> np.ndarray:
    """Return the mean accuracy and loss of the inner folds of one fold."""
    results = []
    for learned, held_out in _inner_folds(name, seed, fold):
        estimator = NetworkEstimator(**NETWORKS[name][1], settle=ms / 1000).fit(learned, seed)
        results.append(_score(estimator.classifier, held_out))
    return np.mean(results, axis=0)


def _by_decode(name: str, rule: str, seed: int, fold: int) -> np.ndarray:
    """Return accuracy and loss, and when the winner's voltage is highest."""
    reader = Classifier(torch.nn.Identity(), DECODES[rule])

    def loss(voltages: Tensor, targets: Tensor, frames: Tensor, steps: Tensor) -> Tensor:
        return nll_loss(reader.read(voltages, steps), targets, reduction="none")

    results = []
    for learned, held_out in _inner_folds(name, seed, fold):
        classifier = NetworkEstimator(**NETWORKS[name][1], loss=loss).fit(learned, seed).classifier
        classifier.decode = DECODES[rule]
        results.append(_score(classifier, held_out) + _peaks(classifier, held_out))
    return np.mean(results, axis=0)


def _inner_folds(name: str, seed: int, fold: int) -> Iterator[tuple[Recordings, Recordings]]:
    """Yield what to learn from and what is held out, without the recordings of one fold."""
    recordings, groups = _recordings_for(name)
    learned, _ = fold_indices(recordings, FOLDS, groups, seed)[fold]
    recordings = recordings.subset(learned)
    for inner, held_out in fold_indices(recordings, 3, groups[learned], seed + fold):
        yield recordings.subset(inner), recordings.subset(held_out)


def _score(classifier: Classifier, recordings: Recordings) -> tuple[float, float]:
    evaluation = evaluate(classifier, make_loader(recordings, 64, sparse=True), "cpu")
    return evaluation.accuracy, evaluation.loss


def _peaks(classifier: Classifier, recordings: Recordings) -> tuple[float, float]:
    """Return how often the winner is highest at the end, and another one leads there."""
    at_the_end = []
    others = []
    for events in recordings.events:
        voltages = predict(classifier, events, "cpu").readout
        winner = voltages.amax(dim=0).argmax()
        at_the_end.append(voltages[:, winner].argmax() == len(voltages) - 1)
        others.append(voltages[-1].argmax() != winner)
    return float(np.mean(at_the_end)), float(np.mean(others))


def _recordings_for(name: str) -> tuple[Recordings, Any]:
    recordings, passes = folds.cards()
    return NETWORKS[name][0](recordings), passes


def measure_batches(seeds: int = 10) -> Row:
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
        by_seed = folds.in_parallel(_of_network, product([name], range(seeds)))
        for way in by_seed[0]:
            results = [by_way[way] for by_way in by_seed]
            correct = np.array([result["correct"] for result in results])
            groups = range(correct.shape[1]) if name == FILMS else folds.cards()[1]
            row = {"model": name, "asked": way, **folds.spread(correct.mean(axis=1))}
            row |= folds.interval(correct, groups)
            row["other answers"] = sum(result["other answers"] for result in results)
            row["differ"] = max(result["differ"] for result in results)
            rows.append(row)
    return {"folds": FOLDS, "seeds": seeds, "rows": rows}


def _of_network(name: str, seed: int) -> dict[str, Row]:
    """Return by way to ask what is correct, and how far answers are from those of ``predict``."""
    if name == FILMS:
        learned = merge_polarities(with_mirrored_copies(film_motions(120, 10 * seed)))
        asked = merge_polarities(film_motions(120, 10 * seed + 1, duration=(15, 70)))
        parts = [(learned, np.arange(len(asked)))]
        recipe = DELAYED
    else:
        asked, groups = _recordings_for(name)
        split = fold_indices(asked, FOLDS, groups, seed)
        parts = [(asked.subset(learned), held_out) for learned, held_out in split]
        recipe = NETWORKS[name][1]
    answers: dict[str, Tensor] = {}
    for learned, held_out in parts:
        classifier = NetworkEstimator(**recipe).fit(learned, seed).classifier
        for way, ask in WAYS.items():
            if way not in answers:
                answers[way] = torch.empty(len(asked), len(asked.classes))
            answers[way][held_out] = ask(classifier, asked.subset(held_out))
    alone = answers["predict"]
    targets = np.asarray(asked.targets)
    return {
        way: {
            "correct": scores.argmax(1).numpy() == targets,
            "differ": float((scores - alone).abs().max()),
            "other answers": int((scores.argmax(1) != alone.argmax(1)).sum()),
        }
        for way, scores in answers.items()
    }


# Ways to ask: each returns log-probabilities, (recordings, classes).


def _one_by_one(classifier: Classifier, asked: Recordings) -> Tensor:
    scores = []
    for events in asked.events:
        readout = predict(classifier, events, "cpu").readout
        scores.append(classifier.read(readout[:, None])[0])
    return torch.stack(scores)


def _in_batches(classifier: Classifier, asked: Recordings, size: int | None = None) -> Tensor:
    loader = make_loader(asked, size or len(asked), sparse=True)
    return evaluate(classifier, loader, "cpu").log_probabilities


def _streamed(classifier: Classifier, asked: Recordings) -> Tensor:
    stream = Stream(classifier)
    scores = []
    for events in asked.events:
        stream.reset()
        for portion in np.array_split(events, 7):
            stream.push(portion)
        stream.finish()
        readout = stream.prediction().readout
        scores.append(classifier.read(readout[:, None])[0])
    return torch.stack(scores)


WAYS: dict[str, Callable[[Classifier, Recordings], Tensor]] = {
    "predict": _one_by_one,
    "batches of 1": partial(_in_batches, size=1),
    "batches of 8": partial(_in_batches, size=8),
    "batches of 60": partial(_in_batches, size=60),
    "one batch": _in_batches,
    "Stream": _streamed,
}
