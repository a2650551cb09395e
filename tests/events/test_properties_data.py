"""What holds for any events; hypothesis looks for exceptions."""

import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_events

from pokersnn_helpers import Recordings, augment, make_loader, to_frames
from pokersnn_helpers.simulation import EventCamera

SENSOR = (7, 5, 2)
numbers = settings(derandomize=True, deadline=None, max_examples=100)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def sound_events(draw):
    """Draw events of a small sensor; their times are anywhere, and often together."""
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(seeds))
    longest_step = draw(st.sampled_from([1, 2, 500, 5000]))
    start = draw(st.integers(-(2**50), 2**50))
    times = start + np.cumsum(rng.integers(0, longest_step, n))
    return random_events(times, SENSOR, rng)


windows = st.one_of(st.integers(20, 10_000), st.floats(20, 10_000))


@numbers
@given(sound_events(), windows)
def test_frames_keep_every_event(events, window):
    dense = to_frames(events, window, SENSOR)
    counted = torch.zeros(dense.shape)
    for t, x, y, p in events.tolist():
        step = int((t - events["t"][0]) / window)
        counted[step, p, y, x] += 1
    assert torch.equal(dense, counted)
    assert dense[-1].any()


@settings(numbers, max_examples=50)
@given(st.lists(sound_events(), min_size=1, max_size=4), windows, seeds)
def test_batches_are_the_same_sparse_and_dense_also_augmented(events, window, seed):
    recordings = Recordings(events, [0] * len(events), ["a"], SENSOR)
    ((dense, _),) = make_loader(recordings, batch_size=4, time_window=window)
    ((sparse, _),) = make_loader(recordings, batch_size=4, time_window=window, sparse=True)
    assert torch.equal(sparse.to_dense(), dense)
    assert dense.sum() == sum(map(len, events))
    torch.manual_seed(seed)
    moved = augment(dense)
    torch.manual_seed(seed)
    assert torch.equal(augment(sparse).to_dense(), moved)
    assert torch.equal(moved.sum((2, 3, 4)), dense.sum((2, 3, 4)))


TYPES = ["i1", "i2", "i4", "u1", "u2", "u4", "u8", "f2", "f4", "?", "c16", "U2", "O", "m8"]
LIMITS = [0.5, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**53) - 1, -(2**63), 2**64 - 1]
values = st.one_of(st.integers(-2, 8), st.sampled_from(LIMITS), st.floats())


@st.composite
def any_events(draw):
    """Draw a structured array with a field of any type, and a value that may be out of place."""
    events = draw(sound_events())
    events["t"] -= events["t"][0]
    field = draw(st.sampled_from("txyp"))
    kind = draw(st.sampled_from([*TYPES, *8 * ["i8", "f8"]]))
    place = draw(st.sampled_from([0, len(events) // 2, -1]))
    value = draw(values)
    with warnings.catch_warnings(action="ignore"):
        changed = events.astype([(name, kind if name == field else "i8") for name in "txyp"])
        with suppress(OverflowError, ValueError, TypeError):  # no value of this type
            changed[field][place] = value
    return changed


def is_sound(events):
    """Say whether events are whole numbers in their places, one by one and in Python's numbers."""
    previous = -(2**53)
    for event in events.tolist():
        real = [isinstance(value, int | float) for value in event]
        if not all(real) or not all(float(value).is_integer() for value in event):
            return False
        t, x, y, p = map(int, event)
        width, height, polarities = SENSOR
        on_sensor = 0 <= x < width and 0 <= y < height and 0 <= p < polarities
        if not on_sensor or not previous <= t <= 2**53:
            return False
        previous = t
    return True


@settings(numbers, max_examples=300)
@given(any_events())
def test_recordings_keep_events_exactly_or_refuse_them_by_field(events):
    numeric = all(events.dtype[field].kind in "biuf" for field in "txyp")
    if numeric and is_sound(events):
        (kept,) = Recordings([events], [0], ["a"], SENSOR).events
        assert kept.tolist() == [tuple(map(int, event)) for event in events.tolist()]
    else:
        with pytest.raises((ValueError, TypeError), match=r"recording 0.* field [txyp]"):
            Recordings([events], [0], ["a"], SENSOR)


# Thresholds and their spread, and delays, jitter, noise and rates from none to much.
HIGHEST = (1, 1000, 2000, 300, 100, 1, 100, 10)
thresholds = st.floats(0.05, 3)
others = [st.floats(0, highest) for highest in HIGHEST]
cameras = st.builds(EventCamera, thresholds, thresholds, *others)


@numbers
@given(cameras, st.integers(1, 12), st.floats(1, 5000), st.floats(0, 3), seeds)
def test_camera_sends_events_in_order_from_its_own_pixels(camera, count, interval, contrast, seed):
    rng = np.random.default_rng(seed)
    light = rng.normal(0, contrast, (count, SENSOR[1], SENSOR[0]))
    events = camera.record(light, interval, rng)
    if len(events):
        (kept,) = Recordings([events], [0], ["a"], SENSOR).events
        assert np.array_equal(kept, events)
        assert kept["t"][0] >= -1
        assert kept["t"][-1] <= (count - 1) * interval + camera.timestamp_jitter_us
