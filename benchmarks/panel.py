"""What the panel of ``rules`` reaches on the trials by which pages judge their networks.

Each member learns from what the networks of a page learn from, of the same folds or films, and is
asked about the same recordings: after 4, 6 and 8 ms where a page asks so early, and at the end. The
work of an answer is counted as in ``counting``, products and sums of what isn't 0, and includes the
additions that make a sum of events.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.perturbations import until
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.models.features import shift_correlation
from eventdesk.models.ordinary import summed_image
from pokersnn_helpers import Recordings, make_loader, to_frames
from pokersnn_helpers.simulation.gestures import film_gestures

from . import Row, folds, motions
from .rules import (
    EARLY_MS,
    RULE,
    WAYS,
    FourShifts,
    FrameAverage,
    SoFar,
    centroid_course,
    centroid_drift,
    events_over_time,
    panel,
    polarity_centroids,
)

END = "the end"
PER_EVENT = {
    centroid_drift: 6,
    polarity_centroids: 3,
    centroid_course: 2,
    events_over_time: 1,
    summed_image: 1,
}
SHIFTS = 25  # of ``shift_correlation``, for each pixel that has an event in a frame
Trials = tuple[Any, list[Trial]]  # and the group of each recording that may be tested


def cards(seed: int) -> Trials:
    """Return all 131 by the folds of *Does it need spikes?*."""
    every = folds.cards()
    return every.groups, every.folds(3, seed)


def films(seed: int) -> Trials:
    """Return the films of *When time decides*, both ways, cut to what its networks see."""
    return both_ways(motions.trial_of(seed, motions.FILMS))


def both_ways(trial: Trial) -> Trials:
    """Return a trial of films and their reversals, and a group for each film that is tested."""
    learned = motions.cut_both_ways(trial.learn)
    tested = trial.test(motions.cut_both_ways)
    groups = np.arange(len(tested.groups)) % (len(tested.groups) // 2)
    return groups, [Trial(learned, tested)]


def gestures(seed: int) -> Trials:
    """Return the gestures of *Your own recordings* by folds that keep people apart."""
    recordings, people = film_gestures(takes=8)
    groups = np.array(people)
    return groups, Evidence(recordings, groups).folds(4, seed)


class Task(NamedTuple):
    """What a page asks its networks.

    Attributes:
        trials: Returns what is learned from and tested on with a seed.
        seeds: How many, at most.
        time_window: Width of a time bin in µs.
        early: When an answer is asked for before the end, in ms.
        rules: Further members.
    """

    trials: Callable[[int], Trials]
    seeds: int = 10
    time_window: float = 1000
    early: tuple[float, ...] = ()
    rules: Mapping[str, Any] = {}


TASKS = {
    "gestures": Task(gestures, seeds=1, time_window=50_000),
    "cards": Task(cards, early=EARLY_MS),
    "films of dots": Task(
        films,
        time_window=motions.TIME_WINDOW,
        rules={RULE: FourShifts(motions.TIME_WINDOW)},
    ),
}


class Answers(NamedTuple):
    """What the members of the panel answer to a task, with one seed."""

    groups: np.ndarray  # of each recording
    correct: np.ndarray  # (members, times, recordings)
    work: list[float]  # effective operations of an answer at the end, by member


def ask(task: Task, seed: int) -> Answers:
    """Let every member learn and answer; none of them is told the classes of what is tested."""
    groups, trials = task.trials(seed)
    answers = []
    work: list[float] = []
    for trial in trials:
        learned = trial.learn.recordings
        fitted = [deepcopy(model).fit(learned, seed) for model in members(task).values()]

        def predict(recordings: Recordings, fitted: list[Any] = fitted) -> list[list[Any]]:
            asked = [until(recordings, ms) for ms in task.early] + [recordings]
            work[:] = [work_of(model, recordings) for model in fitted]
            return [[model.predict(part) for part in asked] for model in fitted]

        answers.append(trial.correct(predict))
    numbers = np.concatenate([tested for tested, _ in answers])
    correct = np.concatenate([right for _, right in answers], axis=-1)
    order = numbers.argsort()
    return Answers(np.asarray(groups)[numbers[order]], correct[..., order], work)


def members(task: Task) -> dict[str, Any]:
    """Return who is asked, by name."""
    return {**task.rules, **panel(task.time_window)}


def work_of(model: Any, recordings: Recordings) -> float:
    """Return how many effective operations an answer takes, with those for features."""
    model = model.estimator if isinstance(model, SoFar) else model
    if isinstance(model, NetworkEstimator):
        return convolution_work(model, recordings) / len(recordings)
    if isinstance(model, FourShifts):
        return len(WAYS) * pixels_in_frames(recordings, model.time_window) / len(recordings)
    if isinstance(model, FrameAverage):
        return layers_work(model.model, model.frames(recordings)[0]) / len(recordings)
    features: Any = getattr(model.features, "func", model.features)
    work = layers_work(model.model, model.features(recordings))
    if features is shift_correlation:
        work += SHIFTS * pixels_in_frames(recordings, **model.features.keywords)
    work += PER_EVENT.get(features, 0) * sum(map(len, recordings.events))
    return work / len(recordings)


def pixels_in_frames(recordings: Recordings, time_window: float) -> int:
    """Count the pixels that have an event, frame by frame, in either polarity."""
    frames = [
        to_frames(events, time_window, recordings.sensor_size).sum(1)
        for events in recordings.events
    ]
    return sum(int(each.count_nonzero()) for each in frames)


def layers_work(model: Any, inputs: np.ndarray) -> float:
    """Count products of inputs and weights; standardisation becomes a part of the weights."""
    model = model[-1] if hasattr(model, "steps") else model
    if hasattr(model, "n_samples_fit_"):  # of neighbours: a difference and a square per number
        return 2 * inputs.size * model.n_samples_fit_
    if hasattr(model, "coef_"):
        return float(((inputs != 0).astype(float) @ (model.coef_.T != 0)).sum())
    work = 0.0
    for weights, biases in zip(model.coefs_, model.intercepts_, strict=True):
        work += np.count_nonzero(inputs) * weights.shape[1]
        inputs = np.maximum(inputs @ weights + biases, 0)
    return work


@torch.no_grad()
def convolution_work(model: NetworkEstimator, recordings: Recordings) -> float:
    """Count products of inputs and weights of a ``FrameCNN`` in all frames."""
    loader = make_loader(
        recordings, batch_size=len(recordings), time_window=model.classifier.time_window
    )
    frames, _ = next(iter(loader))
    seen = frames.flatten(0, 1).log1p()
    seen = seen[seen.flatten(1).any(1)]
    work = 0.0
    for layer in model.network.body:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            ones = deepcopy(layer)
            nn.init.ones_(ones.weight)
            ones.bias = None
            work += float(ones((seen != 0).float()).sum())
        seen = layer(seen)
    return work


def measure(seeds: int = 10) -> Row:
    """Ask the panel what the pages ask their networks.

    Args:
        seeds: 0 to ``seeds - 1``, and for some tasks fewer; each draws other folds or films.

    Returns:
        A row per task, member and time: the share of correct answers, with a 95 % interval; and
        the operations of an answer at the end.
    """
    by_task = [rows_of(name, task, min(seeds, task.seeds)) for name, task in TASKS.items()]
    return {"seeds": seeds, "rows": [row for rows in by_task for row in rows]}


def rows_of(name: str, task: Task, seeds: int) -> list[Row]:
    """Ask the panel about a task."""
    found = folds.in_parallel(ask, [(task, seed) for seed in range(seeds)])
    correct = np.stack([answers.correct for answers in found], axis=2)
    times = [*(f"{ms} ms" for ms in task.early), END]
    rows = []
    for model, work, of_model in zip(members(task), found[0].work, correct, strict=True):
        for time, right in zip(times, of_model, strict=True):
            row: Row = {"task": name, "model": model, "time": time}
            rows.append(row | folds.mean(right, found[0].groups) | {"operations": work})
    return rows
