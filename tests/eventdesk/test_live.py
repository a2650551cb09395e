"""A file that is played, and what a stream gets of it, on a clock of the test's own."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from eventdesk import live
from pokersnn_helpers import EVENT_DTYPE


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_portions_come_when_they_are_due_and_let_time_pass(monkeypatch):
    clock = Clock()
    pushed = []
    advanced = []
    shown = []
    monkeypatch.setattr(live, "time", clock)
    events = np.zeros(5, EVENT_DTYPE)
    events["t"] = 2000, 9000, 15_000, 37_000, 38_000
    events["x"] = 0, 0, 9, 30, 0  # the network sees x from 8 to 23
    events["y"] = 5
    stream = SimpleNamespace(
        classifier=SimpleNamespace(sensor_size=(16, 16, 2)),
        push=lambda events: pushed.extend(events["x"].tolist()),
        advance=advanced.append,
        pause=9_000,
        end=lambda: advanced.append("end"),
    )

    def show(_, seconds):
        shown.append((clock.now, seconds))
        clock.now += 0.001  # that it takes

    live.listen(stream, live.play(events), (32, 20, 2), show)
    assert pushed == [1]
    assert advanced == [9000, 15_000, "end", 38_000]  # silent at 28 ms
    # Portions are due so many seconds after the first event, and none comes late.
    assert np.allclose(shown, [(100.007, -0.007), (100.013, -0.007), (100.036, -0.007)])


def test_a_portion_of_which_no_event_is_drawn_lets_time_pass(monkeypatch):
    monkeypatch.setattr(live, "time", Clock())
    events = np.zeros(3, EVENT_DTYPE)
    events["t"] = 1000, 2000, 3000
    advanced = []
    stream = SimpleNamespace(
        classifier=SimpleNamespace(sensor_size=(16, 16, 2)),
        push=pytest.fail,
        advance=advanced.append,
        pause=9_000,
    )
    live.listen(stream, [events], (16, 16, 2), lambda *_: None, share=0.0)
    assert advanced == [3000]


def test_a_camera_that_is_silent_or_fails_does_not_keep_others_waiting(monkeypatch):
    monkeypatch.setattr(live, "SILENCE", 0.001)
    go_on = threading.Event()

    def camera():
        yield [1]
        go_on.wait()
        raise OSError("unplugged")

    portions = live.patient(camera())
    assert next(portion for portion in portions if len(portion)) == [1]
    assert len(next(portions)) == 0
    go_on.set()
    with pytest.raises(OSError, match="unplugged"):
        list(portions)
    assert [portion for portion in live.patient([[2]]) if len(portion)] == [[2]]
