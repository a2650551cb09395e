"""What ``compare`` takes and says: real digits, long gestures, and films whose verdict is known."""

import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pokersnn_helpers import EVENT_DTYPE, Recordings, read_events
from pokersnn_helpers.own.folders import resize
from pokersnn_helpers.simulation.gestures import film_gestures
from pokersnn_helpers.simulation.motions import film_dots
from pokersnn_helpers.study.perturbations import merge_polarities

SIZE = 16  # pixels along a side, of patches and spots
EVENTS = 217_000  # of a gesture


def spots(
    rng: np.random.Generator,
    places: Sequence[tuple[float, float]],
    *,
    radius: float = 2,
    count: int = 200,
    duration: int = 20_000,
) -> np.ndarray:
    """Film discs that flicker at random times, each at its place."""
    x, y = np.mgrid[:SIZE, :SIZE].reshape(2, -1)
    events = np.zeros(count * len(places), EVENT_DTYPE)
    events["t"] = rng.integers(0, duration, len(events))
    events["p"] = rng.integers(0, 2, len(events))
    for part, (left, top) in enumerate(places):
        inside = np.flatnonzero((x - left) ** 2 + (y - top) ** 2 <= radius**2)
        pixels = rng.choice(inside, count)
        some = slice(part * count, (part + 1) * count)
        events["x"][some], events["y"][some] = x[pixels], y[pixels]
    return np.sort(events, order="t")


def anywhere(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draw a place for a spot."""
    return [tuple(rng.uniform(4, SIZE - 5, 2))]


def exclusive_or(rng: np.random.Generator, target: int) -> np.ndarray:
    """Show two spots, above and below, on the same side or not."""
    side = rng.integers(2)
    return spots(rng, [(4 + 7 * side, 4), (4 + 7 * (side ^ target), 11)])


def halves(rng: np.random.Generator, target: int) -> np.ndarray:
    """Show two spots in turn, again and again from anywhere, the right one before the left or after.

    Four parts of a period: right, left, nothing, nothing; or left, right, nothing, nothing.
    """
    left, right = spots(rng, [(4, 8)]), spots(rng, [(11, 8)])
    first, second = (left, right) if target else (right, left)
    second["t"] += 20_000
    events = np.concatenate([first, second])
    events["t"] = (events["t"] + rng.integers(80_000)) % 80_000
    return np.sort(events, order="t")


FILMS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "exclusive or": exclusive_or,
    "radius": lambda rng, target: spots(rng, anywhere(rng), radius=2 + target),
    "brightness": lambda rng, target: spots(rng, anywhere(rng), count=150 + 100 * target),
    "count": lambda rng, _: spots(rng, [(8, 8)], count=int(rng.uniform(1, 1.5) * 150 * (1 + _))),
    "duration": lambda rng, _: spots(
        rng, [(8, 8)], duration=int(rng.uniform(9, 12) * 1000 * (1 + _))
    ),
    "noise": lambda rng, _: spots(rng, anywhere(rng)),
    "halves": halves,
}


def film(kind: str, count: int = 72, seed: int = 0) -> Recordings:
    """Film recordings of two classes, or of six for dots."""
    if kind == "dots":
        return merge_polarities(film_dots(count, seed))
    targets = [number % 2 for number in range(count)]
    events = [FILMS[kind](np.random.default_rng([seed, n]), t) for n, t in enumerate(targets)]
    return Recordings(events, targets, ("a", "b"), (SIZE, SIZE, 2))


def digits(path: Path) -> Recordings:
    """Read N-MNIST's digits 6 to 9 from an archive of their files."""
    with tarfile.open(path) as archive:
        files = sorted(each.name for each in archive if each.name.endswith(".bin"))
        with TemporaryDirectory() as folder:
            archive.extractall(folder, filter="data")
            events = [read_events(Path(folder, name)) for name in files]
    classes = sorted({name.split("/")[0] for name in files})
    targets = [classes.index(name.split("/")[0]) for name in files]
    return Recordings(events, targets, classes, (34, 34, 2))


def gestures(takes: int = 8) -> tuple[Recordings, list[str]]:
    """Film the gestures of chapter 10 as a camera of 346 × 260 pixels sees them.

    Each event of 64 × 64 pixels becomes those of a patch, some µs apart, so that a recording has
    about 200,000; then ``resize`` brings them to 115 × 86 pixels, as the command does.
    """
    films, people = film_gestures(takes)
    rng, events = np.random.default_rng(0), []
    for each in films.events:
        some = np.sort(rng.integers(len(each), size=EVENTS))
        large = each[some]
        for field, scale in (("x", 346 / 64), ("y", 260 / 64)):
            large[field] = ((large[field] + rng.random(EVENTS)) * scale).astype(int)
        large["t"] += rng.integers(0, 1000, EVENTS)
        events.append(resize(np.sort(large, order="t"), (346, 260, 2), (115, 86)))
    return Recordings(events, films.targets, films.classes, (115, 86, 2)), people
