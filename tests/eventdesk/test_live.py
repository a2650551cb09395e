"""A file that is played, and what a stream gets of it, on a clock of the test's own."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from eventdesk import live
from pokersnn_helpers.events.recordings import make_events

SEEN = {"classifier": SimpleNamespace(sensor_size=(16, 16, 2)), "pause": 9_000}


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
    x = 0, 0, 9, 30, 0  # the network sees x from 8 to 23
    events = make_events((2000, 9000, 15_000, 37_000, 38_000), x, 5, 0)
    stream = SimpleNamespace(
        **SEEN,
        push=lambda events: pushed.extend(events["x"].tolist()),
        advance=advanced.append,
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
    advanced = []
    stream = SimpleNamespace(**SEEN, push=pytest.fail, advance=advanced.append)
    events = make_events((1000, 2000, 3000), 0, 0, 0)
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
