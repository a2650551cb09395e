"""Recordings of which it is known what tells their classes apart: a generator for each kind.

A set is a ``KnownSet``: its generator films a recording of a class with a random number generator,
and the set says how many there are, of how many classes and people, and which verdict is true.
``make_set`` films one. The events of nearly all of them lie on 24 × 24 pixels within 100 ms, among
events of noise at all times. Where only the order is to tell, a recording begins at any moment of a
cycle that has a pause, so that its start doesn't. Chains of N-MNIST are real recordings: two digits
one after the other, of which the smaller one is first or second.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from eventdesk.ask.verdict import Verdict
from pokersnn_helpers import EVENT_DTYPE, Recordings, load_nmnist

SIZE = 24  # pixels along a side
DURATION = 100_000  # µs
NOISE = 60  # events anywhere, from the first moment to the last
Random = np.random.Generator
Numbers = Sequence[float] | ndarray
Generator = Callable[[Random, int], ndarray]


def spot(rng: Random, place: Numbers, times: ndarray, radius: float = 3.0) -> ndarray:
    """Film a disc of which a pixel answers at each of these times."""
    x, y = np.mgrid[:SIZE, :SIZE].reshape(2, -1)
    left, top = place
    inside = np.flatnonzero((x - left) ** 2 + (y - top) ** 2 <= radius**2)
    pixels = rng.choice(inside, len(times))
    return at(times, x[pixels], y[pixels])


def at(times: ndarray, x: Numbers | float, y: Numbers | float) -> ndarray:
    """Return events at these times and places."""
    events = np.zeros(len(times), EVENT_DTYPE)
    events["t"] = times
    events["x"] = np.clip(x, 0, SIZE - 1)
    events["y"] = np.clip(y, 0, SIZE - 1)
    return events


def everywhere(rng: Random, times: ndarray) -> ndarray:
    """Return events of any pixel at these times."""
    return at(times, rng.integers(SIZE, size=len(times)), rng.integers(SIZE, size=len(times)))


def together(rng: Random, *parts: ndarray, noise: int = NOISE, turned: bool = False) -> ndarray:
    """Put parts into one recording, with noise, and random polarities.

    With ``turned`` it begins at any moment, so that its start alone doesn't tell the order.
    """
    events = np.concatenate(parts)
    if turned:
        events["t"] = (events["t"] + rng.integers(DURATION)) % DURATION
    anything = everywhere(rng, np.linspace(0, DURATION - 1, noise))
    events = np.concatenate([events, anything])
    events["p"] = rng.integers(0, 2, len(events))
    return np.sort(events, order="t")


def steady(rng: Random, count: int = 300, first: float = 0, last: float = DURATION) -> ndarray:
    """Draw times between two moments."""
    return rng.integers(int(first), int(last), count)


def flashes(rng: Random, starts: Numbers, count: int, width: int = 3000) -> ndarray:
    """Draw times of flashes, each so many events within so many µs."""
    times = [start + rng.integers(0, width, count) for start in starts]
    return np.concatenate(times).astype(int) % DURATION


def anywhere(rng: Random) -> ndarray:
    """Draw a place for a spot."""
    return rng.uniform(5, SIZE - 6, 2)


# ---- The sum ----


def place(rng: Random, target: int) -> ndarray:
    """Show a spot on the left or on the right."""
    return together(rng, spot(rng, (7 + 9 * target, rng.uniform(6, 17)), steady(rng)))


def count(rng: Random, target: int) -> ndarray:
    """Show as many events, or twice that, anywhere."""
    events = int(rng.uniform(200, 300) * (1 + target))
    return together(rng, spot(rng, anywhere(rng), steady(rng, events)))


def radius(rng: Random, target: int) -> ndarray:
    """Show a small or a large spot, anywhere."""
    return together(rng, spot(rng, anywhere(rng), steady(rng), 2 + 1.5 * target))


def same_side(rng: Random, target: int) -> ndarray:
    """Show two spots, above and below, on the same side or not."""
    side = int(rng.integers(2))
    above = spot(rng, (6 + 11 * side, 6), steady(rng, 150))
    below = spot(rng, (6 + 11 * (side ^ target), 17), steady(rng, 150))
    return together(rng, above, below)


def bar(rng: Random, target: int) -> ndarray:
    """Show a bar, lying or standing, anywhere."""
    x, y = anywhere(rng)
    along = rng.uniform(-5, 5, 300)
    across = rng.uniform(-1, 1, 300)
    offsets = (along, across)[:: 1 - 2 * target]
    events = at(steady(rng), x + offsets[0], y + offsets[1])
    return together(rng, events)


def polarity_and_place(rng: Random, target: int) -> ndarray:
    """Show ON events on the left and OFF events on the right, or the other way round."""
    y = rng.uniform(5, 18)
    events = together(
        rng, spot(rng, (6, y), steady(rng, 200)), spot(rng, (17, y), steady(rng, 200))
    )
    events["p"] = (events["x"] < SIZE / 2) ^ target
    return events


def corners(rng: Random, target: int) -> ndarray:
    """Show three or four corners of as many events in all."""
    places = rng.permutation([(6, 6), (17, 6), (6, 17), (17, 17)])[: 3 + target]
    parts = [spot(rng, place, steady(rng, 300 // len(places))) for place in places]
    return together(rng, *parts)


def ten_places(rng: Random, target: int) -> ndarray:
    """Show a spot at one of ten places."""
    return together(rng, spot(rng, (4 + 4 * (target % 5), 7 + 9 * (target // 5)), steady(rng), 2))


def dead_rows(rng: Random, target: int) -> ndarray:
    """Show a spot on the left or on the right, while eight rows of the sensor fail."""
    events = place(rng, target)
    dead = rng.choice(SIZE, 8, replace=False)
    return events[~np.isin(events["y"], dead)]


def storm(rng: Random, target: int) -> ndarray:
    """Show a spot on the left or on the right, and all pixels at once in one moment."""
    times = rng.integers(10_000, 90_000) + rng.integers(0, 2000, 300)
    all_pixels = everywhere(rng, times)
    return together(rng, place(rng, target), all_pixels, noise=0)


def lamp(rng: Random, target: int) -> ndarray:
    """Show a spot on the left or on the right, under a lamp of 100 Hz."""
    all_pixels = everywhere(rng, flashes(rng, np.arange(0, DURATION, 10_000), 20, 2000))
    return together(rng, place(rng, target), all_pixels, noise=0)


def place_against_order(rng: Random, target: int) -> ndarray:
    """Let the place always tell the class, and the order of two other spots in 8 of 10."""
    said = target ^ int(rng.random() < 0.2)
    return together(rng, order(rng, said, y=6), spot(rng, side(rng, target), steady(rng)))


def side(rng: Random, target: int) -> Numbers:
    """Draw a place below, on the left or on the right."""
    return 6 + 11 * target + rng.uniform(-3, 3), rng.uniform(14, 20)


# ---- The rate over time ----


def gap(rng: Random, target: int) -> ndarray:
    """Flash twice, 15 or 30 ms apart."""
    return flashing(rng, [(15_000, 30_000)[target]], count=150, width=6000)


def flashing(
    rng: Random, gaps: Numbers, *, latest: int = 40_000, count: int = 100, width: int = 2000
) -> ndarray:
    """Flash anywhere, at first within 5 ms and the latest time, and again after each gap."""
    starts = rng.integers(5_000, latest) + np.cumsum([0, *gaps])
    return together(rng, spot(rng, anywhere(rng), flashes(rng, starts, count, width)))


def bursts(rng: Random, target: int) -> ndarray:
    """Answer regularly, or in five bursts."""
    times = np.linspace(0, DURATION - 1, 300).astype(int)
    if target:
        times = flashes(rng, steady(rng, 5), 60)
    return together(rng, spot(rng, anywhere(rng), times))


def peak(rng: Random, target: int) -> ndarray:
    """Answer most in the first half, or in the second."""
    times = rng.beta(2 + 3 * target, 5 - 3 * target, 300) * DURATION
    return together(rng, spot(rng, anywhere(rng), times.astype(int)))


def intervals(rng: Random, target: int) -> ndarray:
    """Flash three times, after 12 or 28 ms: equal intervals, or different ones."""
    first = int(rng.integers(2))
    gaps = [(12_000, 28_000)[long] for long in (first, first ^ target)]
    return flashing(rng, gaps, latest=35_000)


def flicker(rng: Random, target: int, shift: float = 0, radius: float = 3) -> ndarray:
    """Flicker at 100 or 140 Hz, from any phase on; with a shift, places differ a little."""
    period = 1e6 / (100, 140)[target]
    cycles = int(DURATION / period) - 1
    middles = (rng.integers(cycles, size=400) + rng.random()) * period
    times = (middles + rng.normal(0, period / 12, 400)).astype(int) % DURATION
    x, y = anywhere(rng)
    moved = np.clip(x + shift * (2 * target - 1), 4, SIZE - 5)
    return together(rng, spot(rng, (moved, y), times, radius))


def flicker_and_place(rng: Random, target: int) -> ndarray:
    """Flicker at 100 or 140 Hz, more often on the left or on the right."""
    return flicker(rng, target, 2.8)


def interval_order(rng: Random, target: int) -> ndarray:
    """Flash three times: after 15 and then after 35 ms, or after 35 and then after 15."""
    return flashing(rng, [(15_000, 35_000), (35_000, 15_000)][target])


def shape_and_flicker(rng: Random, target: int) -> ndarray:
    """Show small or large spots that flicker at 100 or 140 Hz: four classes."""
    return flicker(rng, target % 2, radius=(2, 4.5)[target // 2])


# ---- A frame, and the order of events ----


def pairs(rng: Random, target: int) -> ndarray:
    """Let four corners flash, those side by side at the same time, or those above each other."""
    corners = [(6, 6), (17, 6), (6, 17), (17, 17)]
    parts = []
    for pair in ([(0, 1), (2, 3)], [(0, 2), (1, 3)])[target]:
        starts = steady(rng, 4)
        parts += [spot(rng, corners[corner], flashes(rng, starts, 25)) for corner in pair]
    return together(rng, *parts)


def in_turn(
    rng: Random, places: Sequence[Numbers], count: int, turns: int, radius: float = 3.0
) -> list[ndarray]:
    """Film a spot at each place, one after the other; a recording lasts for so many turns."""
    turn = DURATION / turns
    parts = []
    for number, place in enumerate(places):
        times = steady(rng, count, number * turn, (number + 1) * turn)
        parts.append(spot(rng, place, times, radius))
    return parts


def order(rng: Random, target: int, radius: float = 3, y: float = 12) -> ndarray:
    """Show a spot on the left, one on the right, and none; or right, left, none."""
    places = [(6, y), (17, y)][:: 1 - 2 * target]
    return together(rng, *in_turn(rng, places, 150, 3, radius), turned=True)


def order_anywhere(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, one to its right, and none; or the right one first."""
    left = rng.uniform(4, 12)
    y = rng.uniform(5, 18)
    places = [(left, y), (left + rng.uniform(6, 8), y)][:: 1 - 2 * target]
    return together(rng, *in_turn(rng, places, 150, 3), turned=True)


def pair_anywhere(rng: Random, target: int) -> ndarray:
    """Flash a spot anywhere, and 12 ms later one to its right; or the right one first."""
    left = rng.uniform(4, 12)
    y = rng.uniform(5, 18)
    places = [(left, y), (left + 7, y)][:: 1 - 2 * target]
    first = rng.uniform(10_000, 70_000)
    parts = []
    for number, place in enumerate(places):
        times = flashes(rng, [first + 12_000 * number], 120, 6000)
        parts.append(spot(rng, place, times))
    return together(rng, *parts)


def half_a_millisecond(rng: Random, target: int) -> ndarray:
    """Flash a spot on the left and half a millisecond later one on the right, or the other way."""
    first = rng.uniform(10_000, 80_000)
    parts = []
    for number, x in enumerate([6, 17][:: 1 - 2 * target]):
        times = flashes(rng, [first + 500 * number], 120, 500)
        parts.append(spot(rng, (x, 12), times))
    return together(rng, *parts)


def faster_place(rng: Random, target: int) -> ndarray:
    """Let two spots flicker, one at 100 and the other at 140 Hz: the left or the right one."""
    parts = []
    for side in (0, 1):
        events = flicker(rng, target ^ side)
        times = rng.choice(events["t"], 200)
        parts.append(spot(rng, (6 + 11 * side, 12), times))
    return together(rng, *parts)


def sum_or_order(rng: Random, target: int) -> ndarray:
    """Show one spot on the left or on the right, or two in one order or the other: four classes."""
    if target < 2:
        return place(rng, target)
    return order(rng, target - 2)


def two_orders(rng: Random, target: int) -> ndarray:
    """Show left and right above, then below: in the same order, or not."""
    first = int(rng.integers(2))
    above = [(6, 6), (17, 6)][:: 1 - 2 * first]
    below = [(6, 17), (17, 17)][:: 1 - 2 * (first ^ target)]
    return together(rng, *in_turn(rng, above + below, 100, 4))


def shape_and_order(rng: Random, target: int) -> ndarray:
    """Show small or large spots, left and then right, or the other way: four classes."""
    return order(rng, target % 2, radius=(2, 5)[target // 2])


def edges(rng: Random, target: int) -> ndarray:
    """Let a bar run round and round, to the left or to the right, ON in front and OFF behind."""
    times = steady(rng, 500)
    way = 1 - 2 * target
    front = rng.uniform(0, SIZE) + way * times / 1000 * rng.uniform(0.24, 0.48)
    off = rng.integers(0, 2, 500)
    events = at(times, (front - 3 * way * off) % SIZE, rng.integers(0, SIZE, 500))
    events["p"] = 1 - off
    return np.sort(events, order="t")


def drift(rng: Random, target: int) -> ndarray:
    """The same without polarity."""
    events = edges(rng, target)
    events["p"] = rng.integers(0, 2, len(events))
    return events


def rotation(rng: Random, target: int, count: int = 400) -> ndarray:
    """Let a spot turn clockwise or anticlockwise, from anywhere on."""
    times = steady(rng, count)
    angle = rng.uniform(0, 6.3) + (1 - 2 * target) * times / DURATION * rng.uniform(9, 16)
    x, y = (12 + 8 * turn(angle) + rng.normal(0, 0.7, count) for turn in (np.cos, np.sin))
    return together(rng, at(times, x, y))


def looming(rng: Random, target: int) -> ndarray:
    """Let a ring grow again and again, or shrink, from any size on."""
    times = steady(rng, 500)
    size = (rng.random() + (1 - 2 * target) * times / 40_000) % 1
    angle = rng.uniform(0, 6.3, 500)
    return together(rng, at(times, 12 + 10 * size * np.cos(angle), 12 + 10 * size * np.sin(angle)))


def on_then_off(rng: Random, target: int) -> ndarray:
    """Show ON events, then OFF events, then none; or OFF, ON, none."""
    third = DURATION // 3
    events = together(rng, spot(rng, anywhere(rng), steady(rng, 300, 0, 2 * third)), noise=0)
    events["p"] = (events["t"] < third) ^ target
    events["t"] = (events["t"] + rng.integers(DURATION)) % DURATION
    return np.sort(events, order="t")


def three_places(rng: Random, target: int) -> ndarray:
    """Show three places in a circle, again and again, one way round or the other."""
    places = [(12, 5), (6, 17), (18, 17)][:: 1 - 2 * target]
    first = int(rng.integers(3))
    shown = np.roll(places, -first, axis=0)
    return together(rng, *in_turn(rng, [*shown, *shown], 60, 6), turned=True)


def equal_counts(rng: Random, target: int) -> ndarray:
    """Show left, right, none or right, left, none, with six events of each pixel, always."""
    third = DURATION // 3
    x, y = np.mgrid[3:9, 9:15].reshape(2, -1).repeat(6, axis=1)
    parts = []
    for side in (0, 1):
        turn = (side ^ target) * third
        parts.append(at(steady(rng, len(x), turn, turn + third), x + 11 * side, y))
    return together(rng, *parts, noise=0, turned=True)


def order_against_place(rng: Random, target: int) -> ndarray:
    """Let the order of two spots always tell the class, and the place of another in 8 of 10."""
    said = target ^ int(rng.random() < 0.2)
    return together(rng, order(rng, target, y=6), spot(rng, side(rng, said), steady(rng)))


def lost_packets(rng: Random, target: int) -> ndarray:
    """Show an order, of which three times 7 ms are lost."""
    events = order(rng, target)
    for start in rng.integers(0, DURATION, 3):
        events = events[(events["t"] < start) | (events["t"] > start + 7000)]
    return events


def hot_pixel_and_order(rng: Random, target: int) -> ndarray:
    """Show an order, beside a hot pixel in every recording."""
    return together(rng, order(rng, target), at(steady(rng, 60), 3, 20), noise=0)


def scaled(make: Generator, factor: float, rng: Random, target: int) -> ndarray:
    """Show the same for so many times as long."""
    events = make(rng, target)
    events["t"] = events["t"] * factor
    return events


# ---- Shortcuts, and nothing ----


def duration(rng: Random, target: int) -> ndarray:
    """Show as many events for 50 to 65 ms, or half as long again."""
    last = rng.uniform(50_000, 65_000) * (1 + target / 2)
    return together(rng, spot(rng, anywhere(rng), steady(rng, 300, 0, last)), noise=0)


def slit(rng: Random, target: int) -> ndarray:
    """Let a triangle pass behind a slit, its thin or its thick end first."""
    times = steady(rng, 400)
    height = np.abs(times / DURATION - target) * rng.uniform(-8, 8, 400)
    return together(rng, at(times, SIZE // 2, SIZE // 2 + height))


def hot_pixel(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, and in one class a hot pixel, with as many events in all."""
    hot = at(steady(rng, 40 * target), 3, 20)
    return together(rng, spot(rng, anywhere(rng), steady(rng, 300 - len(hot))), hot)


def noise(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, whatever the class."""
    return together(rng, spot(rng, anywhere(rng), steady(rng)))


def at_the_start(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, and before it one on the left or on the right."""
    before = spot(rng, (6 + 11 * target, 12), steady(rng, 60, 0, 8000))
    after = spot(rng, anywhere(rng), steady(rng, 300, 8000))
    return together(rng, before, after, noise=0)


def at_the_end(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, and after it one on the left or on the right."""
    events = at_the_start(rng, target)
    events["t"] = DURATION - events["t"]
    return np.sort(events, order="t")


def first_pixel(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, and as the first event one of two pixels."""
    events = together(rng, spot(rng, anywhere(rng), steady(rng, 300, 1000)))
    events["x"][0] = (2, 21)[target]
    events["y"][0] = 2
    return events


def one_pixel(rng: Random, target: int) -> ndarray:
    """Show a spot anywhere, and in one class twelve events of a pixel in a corner."""
    events = together(rng, spot(rng, (14, 14), steady(rng, 300)), noise=0)
    corner = at(steady(rng, 12, 20_000, 50_000), 1 + 2 * target, 1)
    return together(rng, events, corner, noise=0)


def length_and_rotation(rng: Random, target: int) -> ndarray:
    """Let a spot turn one way, or for a third longer the other way."""
    events = rotation(rng, target, 400)
    events["t"] = events["t"] * rng.uniform(0.95, 1.05) * (1 + target / 3)
    return events


@cache
def _digits() -> Recordings:
    return load_nmnist().train


def chain(recording: int) -> tuple[ndarray, int]:
    """Join two digits of N-MNIST, the smaller one first or second, and begin anywhere in a cycle.

    Each recording of ``load_nmnist`` is in one chain. A third of the cycle is empty.
    """
    digits = _digits()
    place, pair = divmod(recording, 2)
    target = place % 2
    classes = np.array(digits.targets)
    of_class = [
        np.flatnonzero(classes == digit) for digit in (pair, 3 - pair)
    ]  # 6 and 9, or 7 and 8
    parts = [digits.events[int(numbers[place])] for numbers in of_class]
    if target:
        parts.reverse()
    rng = np.random.default_rng(recording)
    joined = []
    for turn, events in enumerate(parts):
        moved = events.copy()
        moved["t"] = events["t"] - events["t"][0] + turn * CHAINED
        joined.append(moved[moved["t"] < (turn + 1) * CHAINED])
    events = np.concatenate(joined)
    events["t"] = (events["t"] + rng.integers(3 * CHAINED)) % (3 * CHAINED)
    return np.sort(events, order="t"), target


class KnownSet(NamedTuple):
    """How a set is made, and what is true of it.

    Attributes:
        make: Films a recording of a class.
        verdicts: The right one, or those that are.
        size: How many recordings.
        classes: How many classes take turns; or, where it is a share, of how many recordings the
            second of two classes is.
        people: How many people, each at a place of their own; none if each recording is alone.
        wrong: The share of labels that are wrong.
        copies: How often each recording is there, its events up to 0.2 ms earlier or later.
    """

    make: Generator
    verdicts: tuple[Verdict, ...]
    size: int = 120
    classes: float = 2
    people: int = 0
    wrong: float = 0
    copies: int = 1


def named(verdict: Verdict, *generators: Any) -> dict[str, KnownSet]:
    """Return a set of the usual size of each generator, by its name."""
    return {make.__name__.replace("_", " "): KnownSet(make, (verdict,)) for make in generators}


CHAINED = 100_000  # µs of each digit of a chain
V = Verdict
IMAGE = (V.IMAGE,)
RATE = (V.RATE,)
ORDER = (V.ORDER,)
NOTHING = (V.NOTHING,)
KNOWN_SETS = {
    **named(V.IMAGE, place, radius, same_side, bar, polarity_and_place, corners),
    "ten places": KnownSet(ten_places, IMAGE, 240, 10),
    **named(V.IMAGE, dead_rows, storm, lamp, place_against_order),
    "place, 12": KnownSet(place, (V.IMAGE, V.CANT_TELL), 12),
    "place, 1 in 10": KnownSet(place, IMAGE, 480, 0.1),
    "place, 1 in 10 wrong": KnownSet(place, IMAGE, 480, wrong=0.1),
    **named(V.RATE, gap, bursts, peak, intervals, interval_order, flicker, flicker_and_place),
    "gap, 20 ms": KnownSet(partial(scaled, gap, 0.2), RATE),
    "shape and flicker": KnownSet(shape_and_flicker, (V.IMAGE_AND_RATE,), classes=4),
    "pairs": KnownSet(pairs, (V.FRAMES, V.ORDER)),
    **named(V.FRAMES, edges),
    **named(V.ORDER, order, order_anywhere, faster_place),
    "sum or order": KnownSet(sum_or_order, ORDER, 160, 4),
    **named(V.ORDER, two_orders, pair_anywhere),
    "half a millisecond": KnownSet(half_a_millisecond, (V.ORDER, V.SHORTCUT)),
    "shape and order": KnownSet(shape_and_order, ORDER, classes=4),
    **named(V.ORDER, drift, rotation, looming, on_then_off, three_places, equal_counts),
    **named(V.ORDER, order_against_place, lost_packets, hot_pixel_and_order),
    "order, 20 ms": KnownSet(partial(scaled, order, 0.2), ORDER),
    "order, 2 s": KnownSet(partial(scaled, order, 20), ORDER),
    "order, 1 in 5": KnownSet(order, ORDER, classes=0.2),
    "order, 1 in 10": KnownSet(order, ORDER, 240, 0.1),
    "order, 1 in 5 wrong": KnownSet(order, ORDER, 240, wrong=0.2),
    "order, 3 people": KnownSet(order, ORDER, people=3),
    "order, 12 people": KnownSet(order, ORDER, people=12),
    "order, 8": KnownSet(order, (V.ORDER, V.CANT_TELL), 8),
    "order, 20": KnownSet(order, (V.ORDER, V.CANT_TELL), 20),
    "chains of N-MNIST": KnownSet(order, ORDER, 200),
    **named(V.SHORTCUT, count, duration, slit, hot_pixel, at_the_start, at_the_end, first_pixel),
    **named(V.SHORTCUT, one_pixel, length_and_rotation),
    **named(V.NOTHING, noise),
    "noise, 4 classes": KnownSet(noise, NOTHING, classes=4),
    "noise, 480": KnownSet(noise, NOTHING, 480),
    "noise, 12 people": KnownSet(noise, NOTHING, people=12),
    "noise, 4 copies": KnownSet(noise, (V.NOTHING, V.CANT_TELL), 160, copies=4),
}


def jittered(events: ndarray, rng: Random) -> ndarray:
    """Return a copy whose events come up to 0.2 ms earlier or later."""
    copy = events.copy()
    copy["t"] = np.maximum(events["t"] + rng.integers(-200, 201, len(events)), 0)
    return np.sort(copy, order="t")


def make_set(name: str, seed: int = 0) -> tuple[Recordings, list[int]]:
    """Film a set of ``KNOWN_SETS``, and return it with the group of each recording.

    Each person moves all that is seen by up to three pixels, always in the same way.
    """
    known = KNOWN_SETS[name]
    classes = max(2, int(known.classes))
    events = []
    targets = []
    groups = []
    for recording in range(known.size):
        original = recording % (known.size // known.copies)
        rng = np.random.default_rng([seed, original])
        target = original % classes
        if known.classes < 1:
            target = int(recording % round(1 / known.classes) == 0)
        if name == "chains of N-MNIST":
            film, target = chain(recording)
        else:
            film = known.make(rng, target)
        if known.copies > 1:
            film = jittered(film, np.random.default_rng([seed, known.size, recording]))
        group = recording
        if known.people:
            group = recording * known.people // known.size
            moved = np.random.default_rng([seed, group]).integers(-3, 4, 2)
            film["x"] = np.clip(film["x"] + moved[0], 0, SIZE - 1)
            film["y"] = np.clip(film["y"] + moved[1], 0, SIZE - 1)
        if rng.random() < known.wrong:
            target = (target + 1) % classes
        events.append(film)
        targets.append(target)
        groups.append(group)
    side = 34 if name == "chains of N-MNIST" else SIZE
    return Recordings(events, targets, tuple("abcdefghij"[:classes]), (side, side, 2)), groups
