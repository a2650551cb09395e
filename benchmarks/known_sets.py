"""Recordings of which it is known what tells their classes apart: a generator for each kind."""

from collections.abc import Callable, Sequence

import numpy as np

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.own.ask.verdict import Verdict

SIZE = 24  # pixels along a side
DURATION = 100_000  # µs
NOISE = 60  # events anywhere, from the first moment to the last
LEFT = (6, 12)
RIGHT = (17, 12)
Random = np.random.Generator
Numbers = Sequence[float] | np.ndarray
Generator = Callable[[Random, int], np.ndarray]


def spot(rng: Random, place: Numbers, times: np.ndarray, radius: float = 3.0) -> np.ndarray:
    """Film a disc of which a pixel answers at each of these times."""
    x, y = np.mgrid[:SIZE, :SIZE].reshape(2, -1)
    left, top = place
    inside = np.flatnonzero((x - left) ** 2 + (y - top) ** 2 <= radius**2)
    pixels = rng.choice(inside, len(times))
    events = np.zeros(len(times), EVENT_DTYPE)
    events["t"] = times
    events["x"] = x[pixels]
    events["y"] = y[pixels]
    return events


def together(
    rng: Random, *parts: np.ndarray, noise: int = NOISE, turned: bool = False
) -> np.ndarray:
    """Put parts into one recording, with noise, and random polarities.

    With ``turned`` it begins at any moment, so that its start alone doesn't tell the order.
    """
    events = np.concatenate(parts)
    if turned:
        events["t"] = (events["t"] + rng.integers(DURATION)) % DURATION
    anything = np.zeros(noise, EVENT_DTYPE)
    anything["t"] = np.linspace(0, DURATION - 1, noise)
    anything["x"] = rng.integers(SIZE, size=noise)
    anything["y"] = rng.integers(SIZE, size=noise)
    events = np.concatenate([events, anything])
    events["p"] = rng.integers(0, 2, len(events))
    return np.sort(events, order="t")


def steady(rng: Random, count: int = 300, first: float = 0, last: float = DURATION) -> np.ndarray:
    """Draw times between two moments."""
    return rng.integers(int(first), int(last), count)


def flashes(rng: Random, starts: Numbers, count: int, width: int = 3000) -> np.ndarray:
    """Draw times of flashes, each so many events within so many µs."""
    times = [start + rng.integers(0, width, count) for start in starts]
    return np.concatenate(times).astype(int) % DURATION


def anywhere(rng: Random) -> np.ndarray:
    """Draw a place for a spot."""
    return rng.uniform(5, SIZE - 6, 2)


# ---- The sum ----


def place(rng: Random, target: int) -> np.ndarray:
    """Show a spot on the left or on the right."""
    return together(rng, spot(rng, (7 + 9 * target, rng.uniform(6, 17)), steady(rng)))


def count(rng: Random, target: int) -> np.ndarray:
    """Show as many events, or twice that, anywhere."""
    events = int(rng.uniform(200, 300) * (1 + target))
    return together(rng, spot(rng, anywhere(rng), steady(rng, events)))


def radius(rng: Random, target: int) -> np.ndarray:
    """Show a small or a large spot, anywhere."""
    return together(rng, spot(rng, anywhere(rng), steady(rng), 2 + 1.5 * target))


def same_side(rng: Random, target: int) -> np.ndarray:
    """Show two spots, above and below, on the same side or not."""
    side = int(rng.integers(2))
    above = spot(rng, (6 + 11 * side, 6), steady(rng, 150))
    below = spot(rng, (6 + 11 * (side ^ target), 17), steady(rng, 150))
    return together(rng, above, below)


# ---- The rate over time ----


def gap(rng: Random, target: int) -> np.ndarray:
    """Flash twice, 15 or 30 ms apart."""
    start = int(rng.integers(5_000, 40_000))
    starts = [start, start + (15_000, 30_000)[target]]
    return together(rng, spot(rng, anywhere(rng), flashes(rng, starts, 150, 6000)))


def bursts(rng: Random, target: int) -> np.ndarray:
    """Answer regularly, or in five bursts."""
    times = np.linspace(0, DURATION - 1, 300).astype(int)
    if target:
        times = flashes(rng, steady(rng, 5), 60)
    return together(rng, spot(rng, anywhere(rng), times))


def peak(rng: Random, target: int) -> np.ndarray:
    """Answer most in the first half, or in the second."""
    times = rng.beta(2 + 3 * target, 5 - 3 * target, 300) * DURATION
    return together(rng, spot(rng, anywhere(rng), times.astype(int)))


def intervals(rng: Random, target: int) -> np.ndarray:
    """Flash three times, after 12 or 28 ms: equal intervals, or different ones."""
    first = int(rng.integers(2))
    gaps = [(12_000, 28_000)[long] for long in (first, first ^ target)]
    starts = rng.integers(5_000, 35_000) + np.cumsum([0, *gaps])
    return together(rng, spot(rng, anywhere(rng), flashes(rng, starts, 100, 2000)))


def flicker(rng: Random, target: int, shift: float = 0) -> np.ndarray:
    """Flicker at 100 or 140 Hz, from any phase on; with a shift, places differ a little."""
    period = 1e6 / (100, 140)[target]
    cycles = int(DURATION / period) - 1
    middles = (rng.integers(cycles, size=400) + rng.random()) * period
    times = (middles + rng.normal(0, period / 12, 400)).astype(int) % DURATION
    x, y = anywhere(rng)
    moved = np.clip(x + shift * (2 * target - 1), 4, SIZE - 5)
    return together(rng, spot(rng, (moved, y), times))


def flicker_and_place(rng: Random, target: int) -> np.ndarray:
    """Flicker at 100 or 140 Hz, more often on the left or on the right."""
    return flicker(rng, target, 2.8)


# ---- A frame, and the order of events ----


def pairs(rng: Random, target: int) -> np.ndarray:
    """Let four corners flash, those side by side at the same time, or those above each other."""
    corners = [(6, 6), (17, 6), (6, 17), (17, 17)]
    parts = []
    for pair in ([(0, 1), (2, 3)], [(0, 2), (1, 3)])[target]:
        starts = steady(rng, 4)
        parts += [spot(rng, corners[corner], flashes(rng, starts, 25)) for corner in pair]
    return together(rng, *parts)


def order(rng: Random, target: int, radius: float = 3) -> np.ndarray:
    """Show a spot on the left, one on the right, and none; or right, left, none."""
    places = [LEFT, RIGHT]
    third = DURATION / 3
    first = spot(rng, places[target], steady(rng, 150, 0, third), radius)
    second = spot(rng, places[1 - target], steady(rng, 150, third, 2 * third), radius)
    return together(rng, first, second, turned=True)


def two_orders(rng: Random, target: int) -> np.ndarray:
    """Show left and right above, then below: in the same order, or not."""
    first = int(rng.integers(2))
    quarter = DURATION // 4
    parts = []
    for half, side in enumerate((first, first ^ target)):
        for part, now in enumerate((side, 1 - side)):
            start = (2 * half + part) * quarter
            times = steady(rng, 100, start, start + quarter)
            parts.append(spot(rng, (6 + 11 * now, 6 + 11 * half), times))
    return together(rng, *parts)


def shape_and_order(rng: Random, target: int) -> np.ndarray:
    """Show small or large spots, left and then right, or the other way: four classes."""
    return order(rng, target % 2, radius=(2, 5)[target // 2])


# ---- Shortcuts, and nothing ----


def duration(rng: Random, target: int) -> np.ndarray:
    """Show as many events for 50 to 65 ms, or half as long again."""
    last = rng.uniform(50_000, 65_000) * (1 + target / 2)
    return together(rng, spot(rng, anywhere(rng), steady(rng, 300, 0, last)), noise=0)


def slit(rng: Random, target: int) -> np.ndarray:
    """Let a triangle pass behind a slit, its thin or its thick end first."""
    times = steady(rng, 400)
    height = np.abs(times / DURATION - target)
    events = np.zeros(400, EVENT_DTYPE)
    events["t"] = times
    events["x"] = SIZE // 2
    events["y"] = SIZE // 2 + height * rng.uniform(-8, 8, 400)
    return together(rng, events)


def hot_pixel(rng: Random, target: int) -> np.ndarray:
    """Show a spot anywhere, and in one class a hot pixel, with as many events in all."""
    hot = np.zeros(40 * target, EVENT_DTYPE)
    hot["t"] = steady(rng, len(hot))
    hot["x"] = 3
    hot["y"] = 20
    return together(rng, spot(rng, anywhere(rng), steady(rng, 300 - len(hot))), hot)


def noise(rng: Random, target: int) -> np.ndarray:
    """Show a spot anywhere, whatever the class."""
    return together(rng, spot(rng, anywhere(rng), steady(rng)))


# The generator, the number of recordings, and the verdict that is right, or two.
KNOWN_SETS: dict[str, tuple[Generator, int, tuple[Verdict, ...]]] = {
    "place": (place, 120, (Verdict.IMAGE,)),
    "count": (count, 120, (Verdict.IMAGE,)),
    "radius": (radius, 120, (Verdict.IMAGE,)),
    "same side": (same_side, 120, (Verdict.IMAGE,)),
    "gap": (gap, 120, (Verdict.RATE,)),
    "bursts": (bursts, 120, (Verdict.RATE,)),
    "peak": (peak, 120, (Verdict.RATE,)),
    "intervals": (intervals, 120, (Verdict.RATE,)),
    "flicker": (flicker, 120, (Verdict.RATE,)),
    "flicker and place": (flicker_and_place, 120, (Verdict.RATE,)),
    "pairs": (pairs, 120, (Verdict.FRAMES, Verdict.ORDER)),
    "order": (order, 120, (Verdict.ORDER,)),
    "two orders": (two_orders, 120, (Verdict.ORDER,)),
    "order, 1 in 5": (order, 120, (Verdict.ORDER,)),
    "shape and order": (shape_and_order, 120, (Verdict.ORDER,)),
    "duration": (duration, 120, (Verdict.SHORTCUT,)),
    "slit": (slit, 120, (Verdict.SHORTCUT,)),
    "hot pixel": (hot_pixel, 120, (Verdict.SHORTCUT,)),
    "noise": (noise, 120, (Verdict.NOTHING,)),
    "person": (noise, 120, (Verdict.NOTHING,)),
    "order, 8": (order, 8, (Verdict.CANT_TELL, Verdict.ORDER)),
    "order, 20": (order, 20, (Verdict.CANT_TELL, Verdict.ORDER)),
    "place, 12": (place, 12, (Verdict.CANT_TELL, Verdict.IMAGE)),
}


def make_set(name: str, seed: int = 0) -> tuple[Recordings, list[int]]:
    """Film a set of ``KNOWN_SETS``, and return it with the group of each recording.

    In "person" each of 12 people always shows a spot at the same place, whatever the class.
    """
    generator, number, _ = KNOWN_SETS[name]
    classes = 4 if name == "shape and order" else 2
    events = []
    targets = []
    groups = []
    for recording in range(number):
        rng = np.random.default_rng([seed, recording])
        target = recording % classes
        group = recording
        if name == "order, 1 in 5":
            target = int(recording % 5 == 0)
        if name == "person":
            group = recording // 10
            places = np.random.default_rng([seed, group])
            events.append(together(rng, spot(rng, anywhere(places), steady(rng))))
        else:
            events.append(generator(rng, target))
        targets.append(target)
        groups.append(group)
    return Recordings(events, targets, tuple("abcd"[:classes]), (SIZE, SIZE, 2)), groups
