"""What ``compare`` takes and says: of digits, of long gestures, and of sets of known truth."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from multiprocessing import get_context
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from pandas import DataFrame

from eventdesk.ask.candidates import CANDIDATES
from eventdesk.ask.compare import compare, make_smaller, train_winner
from eventdesk.ask.verdict import Judgement, Sees, Verdict
from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.protocol import Evidence
from eventdesk.files.folders import resize
from eventdesk.models.detector import detector
from pokersnn_helpers import Recordings, load_nmnist
from pokersnn_helpers.simulation.gestures import GESTURES, film_gestures, film_hand, gesture_path
from pokersnn_helpers.training.recipe import choose_recipe

from . import Row, folds
from .known_sets import KNOWN_SETS, make_set

EVENTS = 217_000  # of a gesture
EPOCHS = 8  # of networks on known sets; compare chooses 20 for 120 recordings
WINNERS = ("place", "bar", "gap", "flicker", "edges", "order", "rotation", "order anywhere")
NEW = 1000  # added to the seed of a set, it makes recordings that are new
HANDED_OVER = ("winner", "trained alike")
SNN_OF_TRAIN = CANDIDATES[-1]
WAYS = ("image alone", "counts alone")  # to say whether time is needed
NEEDS_TIME = (Verdict.RATE, Verdict.FRAMES, Verdict.IMAGE_AND_RATE, Verdict.ORDER)


def digits() -> tuple[Recordings, Sequence[Any]]:
    """Return the digits that *Your own recordings* trains on, each a group."""
    recordings = load_nmnist().train
    return recordings, range(len(recordings))


def gestures() -> tuple[Recordings, list[str]]:
    """Film the gestures of *Your own recordings* as a camera of 346 × 260 pixels sees them.

    Each event of 64 × 64 pixels becomes those of a patch, some µs apart, so that a recording has
    about 200,000; then ``resize`` brings them to 115 × 86 pixels, as the command does.
    """
    films, people = film_gestures(takes=8)
    rng = np.random.default_rng(0)

    def enlarged() -> Iterator[np.ndarray]:
        for events in films.events:
            large = events[np.sort(rng.integers(len(events), size=EVENTS))]
            large["x"] = (large["x"] + rng.random(EVENTS)) * (346 / 64)
            large["y"] = (large["y"] + rng.random(EVENTS)) * (260 / 64)
            large["t"] += rng.integers(0, 1000, EVENTS)
            yield resize(np.sort(large, order="t"), (346, 260, 2), (115, 86))

    return Recordings(enlarged(), films.targets, films.classes, (115, 86, 2)), people


TIMED_SETS: dict[str, Callable[[], Any]] = {
    "order": partial(make_set, "order"),
    "digits": digits,
    "gestures": gestures,
}


def measure_compare() -> Row:
    """Compare models on a known set of 120, digits and gestures.

    Returns:
        A row per set and number of processes, 2 and 1: the verdict, and why; how long it took, and
        the peak memory of all processes, in which pages that they share count once. In ``models``
        is what each model got, with two.
    """
    jobs = [(name, processes) for processes in (2, 1) for name in TIMED_SETS]
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        measured = list(pool.map(timed_row, *zip(*jobs, strict=True)))
    rows = [row for row, _ in measured]
    models = [row for _, table in measured[: len(TIMED_SETS)] for row in table]
    return {"rows": rows, "models": models}


def timed_row(name: str, processes: int) -> tuple[Row, list[Row]]:
    """Return the row of a set, and those of its models."""
    recordings, groups = TIMED_SETS[name]()
    begin = time.perf_counter()
    with peak_memory() as gigabytes:
        comparison = compare(recordings, groups, processes=processes)
    get_reusable_executor().shutdown()  # else this process would wait for them when it ends
    row = {
        "set": name,
        "processes": processes,
        "verdict": comparison.verdict.value,
        "recordings": len(recordings),
        "seconds": time.perf_counter() - begin,
        "GB": max(gigabytes),
        "why": " ".join(comparison.sentences),
    }
    return row, comparison.table.assign(set=name).to_dict("records")


def measure_known_sets(seeds: int = 3, epochs: int = EPOCHS, recordings: int | None = None) -> Row:
    """Ask ``compare``, and other ways, about sets of known truth.

    Args:
        seeds: 1 to ``seeds``, of films, folds and weights; thresholds were chosen with 0.
        epochs: To train each network for.
        recordings: Of each set, at most, to try it out.

    Returns:
        A row per set and seed: what is true of it, the verdict of ``compare``, and whether it needs
        time by the image or the counts alone. In ``summary`` are, by what is true, the shares that
        are right.
    """
    of_seeds = product(range(1, seeds + 1), KNOWN_SETS)
    jobs = [(name, seed, epochs, recordings) for seed, name in of_seeds]
    rows = folds.in_parallel(known_row, jobs)
    return {"seeds": seeds, "rows": rows, "summary": summary(rows)}


def measure_winners(seeds: int = 1, epochs: int | None = None) -> Row:
    """Ask what ``compare`` hands over about new recordings, and ``train`` about new people.

    Args:
        seeds: 1 to ``seeds``, of films, folds and weights.
        epochs: To train each network for, in place of the recipe's.

    Returns:
        A row per set and seed: what the winner of ``compare`` and its detector, trained on all as
        ``train --like`` does, get of as many new recordings, and whether that is within the
        interval that was printed. In ``within`` are the shares of sets where it is; in ``people``
        how many of the gestures of two new people ``train`` gets with its defaults.
    """
    jobs = [(name, seed, epochs) for seed in range(1, seeds + 1) for name in WINNERS]
    rows = folds.in_parallel(winner_row, jobs)
    within = DataFrame(rows)[[f"{what}, within" for what in HANDED_OVER]].mean().to_dict()
    people = [new_people_row(seed, epochs) for seed in range(1, seeds + 1)]
    return {"seeds": seeds, "rows": rows, "within": within, "people": people}


def winner_row(name: str, seed: int, epochs: int | None) -> Row:
    """Return what a set's winner and its detector get of new recordings."""
    recordings, groups = make_set(name, seed)
    new, _ = make_set(name, seed + NEW)
    comparison = compare(recordings, groups, epochs=epochs, seed=seed)
    detector_row = next(row for row in comparison.judgement.rows if row.model is SNN_OF_TRAIN)
    row: Row = {"set": name, "seed": seed}
    for what, said in zip(HANDED_OVER, (comparison.winner, detector_row), strict=True):
        if said is None:
            continue
        answers = train_winner(comparison, recordings, said.model).predict(new)
        right = float(np.mean(np.equal(answers, new.targets)))
        row |= {what: said.model.name, f"{what}, new": right}
        row |= {f"{what}, low": said.share.low, f"{what}, high": said.share.high}
        row[f"{what}, within"] = bool(said.share.low <= right <= said.share.high)
    return row


def new_people_row(seed: int, epochs: int | None) -> Row:
    """Train on 27 gestures of three people as the command does; ask about 18 of two others."""
    rng = np.random.default_rng([seed, NEW])
    films, targets, people = [], [], []
    for person in range(5):
        size, pace = rng.uniform(0.8, 1.1), rng.uniform(165, 215)
        for target in np.repeat(range(3), 3).tolist():
            path = gesture_path(GESTURES[target], pace, rng)
            film = film_hand(path, size, rng)
            film["x"] = film["x"] * 2 + rng.integers(2, size=len(film))
            film["y"] = (film["y"] + rng.random(len(film))) * 1.5
            films.append(film)
            targets.append(target)
            people.append(person)
    gestures = Recordings(films, targets, GESTURES, (128, 96, 2))
    smaller, _ = make_smaller(gestures)
    trial = Evidence(smaller, people).without(3, 4)
    learned = trial.learn.recordings
    recipe = choose_recipe(learned, epochs=epochs)
    estimator = NetworkEstimator(
        detector(recipe.time_window),
        time_window=recipe.time_window,
        augment=recipe.augment,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
    )
    _, right = trial.correct(estimator.fit(learned, seed).predict)
    return {"seed": seed, "recordings": len(right), "right": int(right.sum())}


def known_row(name: str, seed: int, epochs: int, recordings: int | None = None) -> Row:
    """Return what is true of a set, and what is said of it; or why nothing could be said."""
    known = KNOWN_SETS[name]
    films, groups = make_set(name, seed)
    chosen = range(min(len(films), recordings or len(films)))
    evidence = Evidence(films, groups).subset(chosen)
    row: Row = {
        "set": name,
        "seed": seed,
        "recordings": len(chosen),
        "truth": known.verdicts[0].value,
    }
    try:
        comparison = compare(evidence.recordings, evidence.groups, epochs=epochs, seed=seed)
    except Exception as error:  # a set that fails counts as wrong, and the others go on
        return row | {"verdict": repr(error), "right": False} | dict.fromkeys(WAYS)
    right = comparison.verdict in known.verdicts
    row |= {"verdict": comparison.verdict.value, "right": right}
    return row | needs_time(comparison.judgement)


def needs_time(judged: Judgement) -> Row:
    """Say whether recordings need time, since the image alone tells nothing, or the counts."""
    image = judged.seeing(Sees.IMAGE)[0]
    (counts,) = (row for row in judged.rows if row.model.name == "count and duration")
    answers = (bool(row.share.low <= judged.guess) for row in (image, counts))
    return dict(zip(WAYS, answers, strict=True))


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return by what is true of sets of 100 and more the shares that each way is right about.

    Ways that only say whether time is needed are never right about a shortcut, and about noise only
    if they say no.
    """
    table = DataFrame(rows).query("recordings >= 100")
    shares = []
    for truth, part in table.groupby("truth", sort=False):
        verdict = Verdict(truth)
        undecided = part["verdict"] == Verdict.CANT_TELL.value
        row: Row = {"truth": truth, "sets": len(part), "compare": float(part["right"].mean())}
        row["compare can't tell"] = float(undecided.mean())
        for way in WAYS:
            row[way] = float((part[way] == (verdict in NEEDS_TIME)).mean())
            if verdict is Verdict.SHORTCUT:
                row[way] = 0.0
        shares.append(row)
    return shares


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Note every 0.2 s how many GB this process and those that it began have, on Linux."""
    gigabytes = [0.0]
    over = Event()
    this = psutil.Process()

    def watch() -> None:
        while not over.wait(0.2):
            gigabytes.append(sum(map(_gigabytes, [this, *this.children(recursive=True)])))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield gigabytes
    finally:
        over.set()
        watcher.join()


def _gigabytes(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # it has ended
        return process.memory_full_info().pss / 2**30
    return 0.0
