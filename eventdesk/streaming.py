"""Ask a classifier while events arrive: a stream carries the network's state from step to step."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from pokersnn_helpers.events.frames import count_events
from pokersnn_helpers.events.recordings import PackedRecording, Recordings
from pokersnn_helpers.networks.classifier import (
    Classifier,
    check_classifier,
    decode,
    unique_argmax,
)
from pokersnn_helpers.networks.spiking_network import needs_step, run_steps
from pokersnn_helpers.system.checks import (
    EVENT_DTYPE,
    MAX_TIME,
    check_events,
    check_range,
    refuse_hooks,
    suggests_names,
)
from pokersnn_helpers.system.devices import one_cpu_thread
from pokersnn_helpers.training.evaluation import Prediction, read_prediction

from .trained.familiar import Known

MAX_STEPS = 2**22  # of a recording: 70 minutes at 1 ms, whose voltages take some gigabytes
COUNTS_AT_ONCE = 2**22  # in the frames that are computed at once
TRIED_STEPS = 8  # to compare what forward and step return


class Stream:
    """Classifies a recording while its events arrive.

    Time begins with the first event, and a time step is computed as soon as an event of a later one
    has arrived. However the events are cut into portions, after ``finish`` the voltages and the
    answer are those of ``predict`` on the CPU, to the last bit. A stream keeps the voltages and the
    events of its recording, so its memory grows by some bytes per step and per event until
    ``reset``, a pause or a window begins a new recording.

    Args:
        classifier: A classifier whose network has a ``step``, as the head of ``spiking_network``
            says: ``SNN``, ``FastSNN``, ``LayerThenSNN`` or one of your own. The stream copies it
            to the CPU.
        pause_ms: Time in ms without an event after which a recording is over, and the next event
            begins a new one. Default: only ``reset`` ends a recording.
        window_ms: Time in ms after which a recording is over even without a pause, for a camera
            that is never silent. Default: there is no such limit.
        on_answer: A function that is called with the stream when a recording is over, before the
            next one begins.
        known: What the classifier has learned from, as ``load_trained(path).known`` says it, to
            hold recordings against. Default: nothing is known.

    Attributes:
        steps: The number of time steps that have been computed.

    Raises:
        TypeError: The classifier isn't one, or its network has no ``step``, or one that does
            something else than ``forward``.
        ValueError: ``pause_ms`` or ``window_ms`` isn't greater than 0.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> events, _ = load_pokerdvs(source="simulated").test[0]
        >>> stream = Stream(Classifier(FastSNN()))
        >>> for portion in np.array_split(events, 10):
        ...     voltages = stream.push(portion)
        >>> stream.finish().shape  # the last event's time step, and 10 ms of silence
        torch.Size([11, 4])
        >>> said = []
        >>> keep = lambda stream: said.append(stream.prediction())
        >>> stream = Stream(Classifier(FastSNN()), pause_ms=200, on_answer=keep)
        >>> voltages = stream.push(events)
        >>> voltages = stream.advance(events["t"][-1] + 200_000)  # nothing has come for 200 ms
        >>> len(said), stream.steps
        (1, 0)
    """

    @suggests_names
    def __init__(
        self,
        classifier: Classifier,
        *,
        pause_ms: float = math.inf,
        window_ms: float = math.inf,
        on_answer: Callable[["Stream"], None] | None = None,
        known: Known | None = None,
    ):
        check_range(0.001, math.inf, pause_ms=pause_ms, window_ms=window_ms)
        check_classifier(classifier)
        self.classifier = copy.deepcopy(classifier).cpu().eval()
        self.network = self.classifier.snn
        self.time_window = self.classifier.time_window
        if not hasattr(self.network, "resume"):
            needs_step(self.network, "it reads whole recordings, and no stream")
        self.dtype = next(self.network.parameters(), torch.empty(0)).dtype
        self.pause = 1000 * pause_ms  # µs
        self.window = 1000 * window_ms  # µs
        self.on_answer = on_answer
        self.known = known or Known()
        refuse_hooks(self.network)  # which steps would leave out
        self._check_steps()  # and what compiles does so now
        self.reset()
        self.push(np.zeros(1, EVENT_DTYPE))
        self._compute(self.own_steps)
        self.reset()

    def reset(self) -> None:
        """Begin a new recording."""
        self.steps = 0
        self._portions: list[PackedRecording] = []  # all events of the recording that goes on
        self._start = self._last = 0  # times of its first and of its last event in µs
        self._waiting = np.empty(0, EVENT_DTYPE)  # those whose time step isn't computed
        self._state: Any = None
        self._voltages = [torch.empty(0, 1, len(self.classifier.classes))]

    @property
    def open_since(self) -> float | None:
        """Time in µs at which the next step begins. Events that come now mustn't be earlier."""
        if not self._portions:
            return None
        return self._start + self.steps * self.time_window

    @property
    def own_steps(self) -> int:
        """Time steps of the recording's own time, if no more events come."""
        if not self._portions:
            return 0
        return self._step_of(self._last) + 1 + self.classifier.settle_steps

    def _step_of(self, time: float) -> int:
        """Return the time step of the recording that goes on, in which a time in µs lies."""
        step = math.floor((time - self._start) / self.time_window)
        if step >= MAX_STEPS:
            raise ValueError(
                f"{time} µs would be in step {step}, of at most {MAX_STEPS}; stream.reset() "
                "begins anew, or choose wider bins"
            )
        return step

    def push(self, events: ndarray) -> Tensor:
        """Accept the next events, and compute the time steps that they complete.

        The first call in a process takes seconds, in which loops are read from disk, or up to a
        minute where they have yet to be compiled; those that follow take less than a millisecond.

        Args:
            events: Events as for ``predict``. The array may be empty.

        Returns:
            Voltages of these steps, (steps, classes).

        Raises:
            TypeError: As ``check_events``.
            ValueError: As ``check_events``; or an event belongs to a step that is computed already,
                or comes so late that there would be too many steps. No event of its recording is
                taken then.
        """
        voltages = [self._compute(self.steps)]
        sensor_size = self.classifier.sensor_size
        if len(events):
            events = check_events(events, sensor_size, "the portion")
        while len(events):
            n_events = self._events_of_recording(events["t"])
            if n_events == 0:
                voltages.append(self.end())
                continue
            now, events = np.split(events, [n_events])
            first, last = now["t"][[0, -1]].tolist()
            if not self._portions:
                self._start = first
            if self._step_of(first) < self.steps:
                raise ValueError(
                    f"event 0 is of {first} µs, but all steps before {self.open_since:.15g} µs "
                    "are computed; wait longer, or leave out events[events['t'] < "
                    "stream.open_since]; or begin another recording by stream.reset()"
                )
            last_step = self._step_of(last)
            self._last = last
            self._portions.append(PackedRecording.pack(now, sensor_size))
            self._waiting = np.concatenate([self._waiting, now])
            voltages.append(self._compute(last_step))
        return torch.cat(voltages)

    def _events_of_recording(self, t: ndarray) -> int:
        """Return how many of the next events come before a pause, and within the window."""
        start, last = t[0], t[0]
        if self._portions:
            start, last = self._start, self._last
        pauses = np.diff(t, prepend=last) >= self.pause
        over = pauses | (t - start >= self.window)
        return int(np.append(over, True).argmax())

    def advance(self, time: float) -> Tensor:
        """Compute all steps that end by ``time`` (µs), since no earlier events will come."""
        check_range(-MAX_TIME, MAX_TIME, time=time)
        if not self._portions:
            return self._compute(0)
        if time - self._last >= self.pause or time - self._start >= self.window:
            return self.end()
        return self._compute(self._step_of(time))

    def finish(self) -> Tensor:
        """Compute the remaining steps of the recording's own time; ``reset`` begins another."""
        if self._portions:
            self.known.warn_if_unlike(self._recording())
        return self._compute(self.own_steps)

    def end(self) -> Tensor:
        """Finish the recording, hand its answer to ``on_answer``, and begin a new one."""
        voltages = self._compute(self.own_steps)
        if self.on_answer and self.steps:
            self.on_answer(self)
        self.reset()
        return voltages

    @property
    def voltages(self) -> Tensor:
        """Voltages of all steps so far, (T, classes)."""
        self._voltages = [torch.cat(self._voltages)]
        return self._voltages[0][:, 0]

    def prediction(self) -> Prediction:
        """Return the classifier's answer to the part of the recording that has been computed."""
        if self.steps == 0:
            classes = self.classifier.classes
            shares = dict.fromkeys(classes, 1 / len(classes))
            return Prediction(None, shares, self.voltages)
        return read_prediction(self.classifier, self.voltages[: self.own_steps, None])

    def unlike(self) -> list[str]:
        """Say what of the events so far is unlike all that the classifier was trained on."""
        return self.known.unlike(self.classifier, self._recording()) if self._portions else []

    def _recording(self) -> Recordings:
        """Return the recording that goes on, alone, with all of its events."""
        events = np.concatenate([portion.unpack() for portion in self._portions])
        classes, sensor_size = self.classifier.classes, self.classifier.sensor_size
        return Recordings([PackedRecording.pack(events, sensor_size)], [0], classes, sensor_size)

    def settled_ms(self) -> float | None:
        """Return since what time in ms the answer is what it is now; None without an answer.

        It is the end of the time step that last changed the answer, seen in hindsight: at that
        time nobody could tell that the answer would stay. ``prediction`` says how sure it is.
        """
        if self.prediction().class_name is None:
            return None
        voltages = self.voltages[: self.own_steps]
        so_far = voltages.cummax(0).values  # of which ``decode`` takes the last
        if self.classifier.decode is not decode:
            ends = range(1, len(voltages) + 1)
            so_far = torch.cat([self.classifier.read(voltages[:end, None]) for end in ends])
        answers = unique_argmax(so_far)
        others = np.flatnonzero(answers != answers[-1])
        steps = max(others, default=-1) + 2
        return float(steps * self.time_window / 1000)

    def _compute(self, steps: int) -> Tensor:
        """Compute the steps up to ``steps`` that aren't computed yet; return their voltages."""
        computed = [self._voltages[0][:0]]
        inputs = math.prod(self.classifier.sensor_size)
        steps_at_once = max(1, COUNTS_AT_ONCE // inputs)
        while self.steps < steps:
            n_steps = min(steps_at_once, steps - self.steps)
            frames = self._take_frames(n_steps)
            with one_cpu_thread():
                voltages, self._state = self._resume(frames, self._state)
            computed.append(voltages)
            self._voltages.append(voltages)
            self.steps += n_steps
        return torch.cat(computed)[:, 0]

    @torch.no_grad()
    def _resume(self, frames: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return voltages (T, 1, classes) of the next frames, and the state after them.

        The pieces of a recording give the same voltages as the whole.
        """
        if hasattr(self.network, "resume"):
            return self.network.resume(frames, state)
        voltages, states = run_steps(self.network, frames, state)
        return voltages, states[-1]

    def _take_frames(self, n_steps: int) -> Tensor:
        """Count the waiting events of the next steps into frames, and let them go."""
        times = self._waiting["t"] - self._start
        steps = (times / self.time_window).astype(np.int64) - self.steps
        due = np.searchsorted(steps, n_steps)
        now, self._waiting = np.split(self._waiting, [due])
        shape = self.classifier.sensor_size[::-1]
        pixels = np.ravel_multi_index((now["p"], now["y"], now["x"]), shape)
        sparse = self.classifier.takes_sparse
        frames = count_events(steps[:due], 0, pixels, (n_steps, 1, *shape), sparse)
        return frames.to(self.dtype)

    def _check_steps(self) -> None:
        """Refuse a network whose steps give other voltages than its ``forward``, or are of no use.

        It is tried on busy frames, at which neurons spike.
        """
        shape = (TRIED_STEPS, 1, *self.classifier.sensor_size[::-1])
        generator = torch.Generator().manual_seed(0)
        frames = torch.randint(0, 3, shape, generator=generator).to(self.dtype)
        with torch.no_grad():
            whole = self.network(frames)
            taken = frames.to_sparse() if self.classifier.takes_sparse else frames
            steps, _ = self._resume(taken, None)
        if whole.shape != steps.shape or not torch.allclose(whole, steps, atol=1e-4):
            name = type(self.network).__name__
            raise TypeError(
                f"{name}.forward returns other voltages than its steps, so a stream would answer "
                "otherwise than predict; let forward do what step does"
            )
