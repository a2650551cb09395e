"""Do recordings need time? Models that see the order of events and others that don't answer."""

from collections.abc import Callable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings, check_recordings
from pokersnn_helpers.system.warn import warn

from ..evidence.estimators import refuse_too_long
from ..evidence.parallel import in_parallel
from ..evidence.protocol import Evidence, Trial, jobs_of
from ..files.folders import in_pixels, network_size, resize, thin
from ..look.copies import copies_among, copies_in_words, join_copies
from .candidates import (
    CANDIDATES,
    Make,
    Settings,
    choose_settings,
    in_finer_bins,
    without_times,
)
from .sentences import in_words
from .verdict import (
    NEARLY_ALL,
    QUESTIONS,
    Answer,
    Candidate,
    Judgement,
    Row,
    Sees,
    Verdict,
    judge,
)

FOLDS = 3  # or as many as a class has groups
UNSURE = (Verdict.IMAGE, Verdict.NOTHING, Verdict.CANT_TELL)  # which finer bins may change
MAX_EVENTS = 10_000  # of a recording, on average; more cost time and memory

Answers = dict[Candidate, ndarray]  # the index of a class for each recording, or -1, by model


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` found.

    Attributes:
        judgement: The answers to its questions, and the numbers behind them.
        recipe: By name: the settings of the first fold, as ``choose_settings`` returns them; the
            number of folds and the seed; the width and height that recordings were brought to; and
            the share of their events that was drawn.
        copies: The numbers of recordings that are copies of each other, (pairs, 2).
        notes: What to do about copies in another group, or with another label.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> cards = load_pokerdvs(source="simulated").test
        >>> comparison = compare(cards, range(20), folds=2, epochs=1)
        >>> comparison.verdict
        <Verdict.CANT_TELL: "can't tell">
    """

    judgement: Judgement
    recipe: Settings
    copies: ndarray = field(default_factory=lambda: np.empty((0, 2), int))
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What the recordings need."""
        return self.judgement.verdict

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict with its reason, the answers to the three questions, and the notes."""
        return (*in_words(self.judgement), *self.notes)

    @property
    def winner(self) -> Row | None:
        """The row of the best model that can be handed over; see ``Candidate.deployable``.

        There is none where it isn't certain that any model tells the classes apart.
        """
        if self.judgement.apart is not Answer.YES:
            return None
        rows = [row for row in self.judgement.rows if row.model.deployable]
        return max(rows, key=lambda row: row.share.mean)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each model, shares from 0 to 1."""
        return pd.DataFrame(
            {
                "question": QUESTIONS.get(row.model.sees, ""),
                "model": row.model.name,
                "sees": row.model.sees.value,
                "correct": row.share.mean,
                "low": row.share.low,
                "high": row.share.high,
                "behind": row.behind.mean,
                "behind, low": row.behind.low,
                "behind, high": row.behind.high,
                "as good": row.as_good.value,
                "silent": row.silent,
            }
            for row in self.judgement.rows
        )


def compare(
    recordings: Recordings,
    groups: Sequence[Any],
    *,
    epochs: int | None = None,
    time_window: float | None = None,
    augment: str | None = None,
    folds: int | None = None,
    seed: int = 0,
    processes: int = 1,
    copies: ndarray | None = None,
) -> Comparison:
    """Find out whether recordings need time, by models that see the order and others that don't.

    The models see something trivial, such as how recordings begin, the event-count image, the event
    rate over time, single frames, or the order of events; ``verdict`` says which is as good as the
    best. Where these may change the verdict, networks with a memory that learn from times drawn
    anew, or in finer bins, join them. Models see at most 64 pixels along a side and, on average,
    10,000 events of a recording; if there are more, the same share of each recording is drawn.

    Args:
        recordings: All recordings, of at least ``folds`` groups of each class.
        groups: Who or when, for each recording; a group stays in one fold. Groups that hold copies
            of the same recording are taken for one, with a warning. In the end, copies count once.
        epochs: Passes of each network over its training recordings. Default: as many as make 300
            steps, and for the SNN as many as ``train`` chooses. Networks of the image, which are
            fast, get twice as many.
        time_window: Width of a time bin in µs. Default: as ``choose_recipe``.
        augment: How frames are changed in training, a name of ``AUGMENTS``. Default: as
            ``choose_recipe``.
        folds: How many folds there are. Default: 3, or 2 where a class has no more groups.
        seed: Seed of the folds and of the initial weights.
        processes: How many models train at the same time. The result doesn't depend on it.
        copies: The numbers of recordings that are copies of each other, (pairs, 2). Default:
            ``copies_among`` finds them.

    Raises:
        ValueError: There are fewer than two classes or too few groups, or a number can't be used.
        RuntimeError: A process that trained was ended from outside.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> cards = load_pokerdvs(source="simulated").test
        >>> comparison = compare(cards, range(20), folds=2, epochs=1)
        >>> comparison.sentences[1][:40]
        '(a) Can any model tell the classes apart'
    """
    check_recordings(recordings)
    smaller, share = make_smaller(recordings)
    if copies is None:
        copies = copies_among(recordings)
    notes = copies_in_words(copies, recordings, groups)
    for note in notes:
        warn(note)
    evidence = Evidence(smaller, join_copies(groups, copies))
    originals = join_copies(range(len(recordings)), copies)
    _check_classes(evidence)
    if folds is None:
        folds = min(FOLDS, evidence.groups_per_class())
    trials = evidence.folds(folds, seed)
    given = {"epochs": epochs, "time_window": time_window, "augment": augment}
    recipe = choose_settings(trials[0].learn.recordings, given)
    refuse_too_long(smaller, recipe["time_window"], recipe["batch_size"])
    recipe |= {"folds": folds, "seed": seed, "size": in_pixels(smaller.sensor_size), "share": share}
    ask = partial(_ask, evidence, trials, given, seed, processes)
    judgement = _judge_in_stages(partial(_judge, evidence, originals), ask)
    return Comparison(judgement, recipe, copies, notes)


def _check_classes(evidence: Evidence) -> None:
    """Refuse a single class, and a class of one group."""
    recordings = evidence.recordings
    counts = pd.Series(evidence.group_numbers).groupby(recordings.targets).nunique()
    if len(counts) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    if counts.min() < 2:
        raise ValueError(
            f"all recordings of {recordings.classes[counts.idxmin()]} are of one group; record "
            "another person or session. If there is but one, put recordings directly into the "
            "folder of their class: each is then a group, and nothing is said of other people"
        )


def _judge_in_stages(
    judge_answers: Callable[[Answers], Judgement], ask: Callable[..., Answers]
) -> Judgement:
    """Judge all candidates, and then one or two models more where these may change the verdict.

    Where the image isn't enough, a network with a memory also learns from recordings whose times
    are drawn anew. Where the image is enough or nothing can be told, and no model is nearly always
    right, such a network looks once in bins five times finer.
    """
    answers = ask(CANDIDATES)
    judged = judge_answers(answers)
    memory = judged.seeing(Sees.MEMORY)[0].model
    if judged.apart is Answer.YES and judged.seeing(Sees.IMAGE)[0].as_good is not Answer.YES:
        answers |= ask([without_times(memory)])
        judged = judge_answers(answers)
    if judged.verdict in UNSURE and judged.best.share.mean < NEARLY_ALL:
        answers |= ask([in_finer_bins(memory)])
        judged = judge_answers(answers)
    return judged


def _judge(evidence: Evidence, originals: Sequence[int], answers: Answers) -> Judgement:
    """Judge what models answered."""
    targets = evidence.recordings.targets
    correct = {model: given == targets for model, given in answers.items()}
    silent = {model for model, given in answers.items() if (given < 0).all()}
    return judge(correct, targets, evidence.group_numbers, silent, originals)


def _ask(
    evidence: Evidence,
    trials: Sequence[Trial],
    given: Settings,
    seed: int,
    processes: int,
    models: Sequence[Candidate],
) -> Answers:
    """Return what models answer to each recording when the fold with this recording tests."""
    makes = {model.name: model.make for model in models}
    jobs = jobs_of(partial(_answers, given), makes, trials, [seed] * len(trials))
    answers = {name: np.empty(len(evidence.recordings), int) for name in makes}
    with closing(in_parallel(jobs, processes, "comparing")) as results:
        for (name, _), (numbers, of_fold) in results:
            answers[name][numbers] = of_fold
    return {model: answers[model.name] for model in models}


def _answers(given: Settings, make: Make, trial: Trial, seed: int) -> tuple[ndarray, ndarray]:
    """Return the numbers of the recordings that a trial tests on, and the answers to them."""
    learned = trial.learn.recordings
    estimator = deepcopy(make(choose_settings(learned, given))).fit(learned, seed)
    tested = trial.test(lambda tested: tested)
    return tested.numbers, np.asarray(estimator.predict(tested.recordings))


def train_winner(comparison: Comparison, recordings: Recordings, model: Candidate) -> Any:
    """Train a model on all recordings, in the way in which it was compared.

    Args:
        comparison: What ``compare`` returned.
        recordings: The recordings that were compared.
        model: One of the models, such as ``comparison.winner.model``.

    Returns:
        The trained estimator.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> digits = load_nmnist().train.subset(range(0, 400, 5))
        >>> comparison = compare(digits, range(80), folds=2, epochs=1)
        >>> train_winner(comparison, digits, comparison.winner.model).predict(digits).shape
        (80,)
    """
    smaller, _ = make_smaller(recordings)
    estimator = deepcopy(model.make(comparison.recipe))
    return estimator.fit(smaller, comparison.recipe["seed"])


def make_smaller(recordings: Recordings) -> tuple[Recordings, float]:
    """Bring recordings to the size of ``network_size``, and draw the same share of their events.

    Returns:
        The smaller recordings, and the share.
    """
    sensor_size = recordings.sensor_size
    size = network_size(sensor_size)
    events = sum(len(packed.t) for packed in recordings.events.packed)
    share = min(1.0, MAX_EVENTS * len(recordings) / events)
    rng = np.random.default_rng(0)
    reduced = (resize(thin(each, share, rng), sensor_size, size) for each in recordings.events)
    smaller = (*size, sensor_size[2])
    return Recordings(reduced, recordings.targets, recordings.classes, smaller), share
