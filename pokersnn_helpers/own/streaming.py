"""Ask a classifier while events arrive: a stream carries the network's state from step to step."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..checks import EVENT_DTYPE, check_events, check_range, refuse_hooks
from ..classifier import Classifier, decode, frame_network, leading
from ..compiling import compiled
from ..devices import one_cpu_thread
from ..networks import FrameNetwork, SpikingNetwork
from ..training import MOST_STEPS, Prediction, read_prediction

DENSE = 2**22  # counts in the frames that are computed at once


class Stream:
    """A recording that isn't over yet, and what a classifier says about it so far.

    Time begins with the first event, and a time step is computed when an event of a later one has
    come. However the events are cut into portions, after ``finish`` voltages and answer are those
    of ``predict`` on the CPU, to the last bit. A stream keeps the voltages of its recording, so
    memory grows by some bytes per step until ``reset``, a pause or a window begins another.

    Args:
        classifier: Of a network that can ``resume``: ``SNN``, ``FastSNN``, a ``SpikingNetwork`` of
            your own or ``LayerThenSNN``. The stream takes a copy to the CPU.
        pause_ms: After so long without an event a recording is over; the next event begins another.
            Default: only ``reset`` ends a recording.
        window_ms: The same when a recording has lasted so long, for a camera that is never silent.
        on_answer: Called with the stream when a recording is over, before the next begins.

    Attributes:
        steps: Time steps that have been computed.

    Raises:
        TypeError: The classifier isn't one, or its network reads whole recordings only, defines
            ``forward`` and no ``resume`` that does the same, or has hooks.
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

    def __init__(
        self,
        classifier: Classifier,
        *,
        pause_ms: float = math.inf,
        window_ms: float = math.inf,
        on_answer: Callable[["Stream"], None] | None = None,
    ):
        check_range(0.001, math.inf, pause_ms=pause_ms, window_ms=window_ms)
        network = frame_network(classifier)
        resume, forward = _home("resume", network), _home("forward", network)
        if resume is FrameNetwork:
            network.resume(torch.empty(0))  # says what to take instead
        if not issubclass(resume, forward):
            about = f"{forward.__name__} defines forward, which resume of {resume.__name__} leaves"
            raise TypeError(f"{about} out; write a resume that does the same")
        refuse_hooks(*network.modules())
        self.classifier = copy.deepcopy(classifier).cpu().eval()
        self.network = frame_network(self.classifier)
        self.inputs = math.prod(self.classifier.sensor_size)
        self.time_window = float(self.network.time_window)
        self.dtype = next(self.network.parameters(), torch.empty(0)).numpy(force=True).dtype
        self.sparse = network.takes_sparse and resume is not SpikingNetwork
        self.pause, self.window = 1000 * pause_ms, 1000 * window_ms  # µs
        self.on_answer = on_answer
        with torch.no_grad():  # what doesn't fit is refused, and what compiles does so now
            self.network(torch.zeros(1, 1, *self.classifier.sensor_size[::-1]))
        self.reset()
        self._compute(1)
        self.reset()

    def reset(self) -> None:
        """Begin a new recording."""
        self.steps = 0
        self._events_until = 0  # steps up to that of the last event
        self._start: int | None = None  # µs
        self._last: float = math.inf  # µs, of the last event; none has come
        self._state: Any = None
        self._waiting = [np.empty(0, np.int64)]  # of each event its step and place, as one number
        self._voltages = [torch.empty(0, 1, len(self.classifier.classes))]

    @property
    def open_since(self) -> float | None:
        """Time in µs at which the step begins that isn't computed yet: no event may be earlier."""
        return None if self._start is None else self._start + self.steps * self.time_window

    def push(self, events: np.ndarray) -> torch.Tensor:
        """Take the next events, and compute the time steps that they end.

        Args:
            events: As for ``predict``; none is allowed, too.

        Returns:
            Voltages of these steps, (steps, classes).

        Raises:
            TypeError: As ``check_events``.
            ValueError: As ``check_events``; or an event belongs to a step that is computed already,
                or comes so late that there would be too many steps. No event of its recording is
                taken then.
        """
        voltages = [self._compute(self.steps)]
        while len(events):
            start, numbers = self._numbered(events)
            t, own = events["t"], len(events)  # of which so many belong to this recording
            if t[-1] - min(t[0], self._last) >= self.pause or t[-1] - start >= self.window:
                over = (np.diff(t, prepend=self._last) >= self.pause) | (t - start >= self.window)
                own = int(over.argmax()) if over.any() else own
            if own == 0:
                voltages.append(self.end())
                continue
            first, last = (numbers[[0, own - 1]] // self.inputs).tolist()
            if first < self.steps:
                raise ValueError(
                    f"event 0 is of {t[0]} µs, but all steps before "
                    f"{self.open_since:.15g} µs are computed; wait longer, or leave out "
                    "events[events['t'] < stream.open_since]"
                )
            if last >= MOST_STEPS:
                late = f"{t[own - 1]} µs would be in step {last}, of at most {MOST_STEPS}"
                raise ValueError(f"{late}; stream.reset() begins anew, or choose wider bins")
            self._start, self._events_until, self._last = start, last + 1, int(t[own - 1])
            self._waiting.append(numbers[:own])
            voltages.append(self._compute(last))
            events = events[own:]
        return torch.cat(voltages)

    def advance(self, time: float) -> torch.Tensor:
        """Say that all events before ``time`` (µs) have come, and compute the steps until then."""
        check_range(-(2**53), 2**53, time=time)
        since = 0 if self._start is None else time - self._start
        if time - self._last >= self.pause or since >= self.window:
            return self.end()
        until = math.floor(since / self.time_window)
        if until >= MOST_STEPS:
            raise ValueError(f"time is {time} µs, too late for one recording; stream.reset()")
        return self._compute(max(until, self.steps))

    def finish(self) -> torch.Tensor:
        """Compute all steps that are left of the recording's own time; ``reset`` begins anew."""
        return self._compute(max(self.steps, self._ends))

    def end(self) -> torch.Tensor:
        """Finish the recording, hand its answer to ``on_answer``, and begin a new one."""
        voltages = self.finish()
        if self.on_answer and self.steps:
            self.on_answer(self)
        self.reset()
        return voltages

    @property
    def _ends(self) -> int:
        """Time steps of the recording's own time, if no more events come."""
        return self._events_until and self._events_until + self.classifier.settle_steps

    @property
    def voltages(self) -> torch.Tensor:
        """Voltages of all steps so far, (T, classes)."""
        self._voltages = [torch.cat(self._voltages)]
        return self._voltages[0][:, 0]

    def prediction(self) -> Prediction:
        """Return what the classifier says of the own time that has been computed."""
        if self.steps == 0:
            shares = dict.fromkeys(self.classifier.classes, 1 / len(self.classifier.classes))
            return Prediction(None, shares, self.voltages)
        return read_prediction(self.classifier, self.voltages[: self._ends, None])

    def settled_ms(self) -> float | None:
        """Return at which time in ms the answer became what it is now; None without an answer.

        It is the end of the time step that changed the answer.
        """
        if self.prediction().class_name is None:
            return None
        voltages = self.voltages[: self._ends]
        so_far = voltages.cummax(0).values  # of which ``decode`` takes the last
        if self.classifier.decode is not decode:
            ends = range(1, len(voltages) + 1)
            so_far = torch.cat([self.classifier.read(voltages[:end, None]) for end in ends])
        answers = leading(so_far)
        others = (answers != answers[-1]).nonzero()
        return (int(others[-1]) + 2 if len(others) else 1) * self.time_window / 1000

    def _numbered(self, events: np.ndarray) -> tuple[int, np.ndarray]:
        """Return when the recording begins, and of each event its step and place as one number.

        What ``check_events`` refuses is refused, but that nothing is wrong is seen quickly.
        """
        sensor_size = self.classifier.sensor_size
        if type(events) is not np.ndarray or events.dtype != EVENT_DTYPE or events.ndim != 1:
            events = check_events(events, sensor_size, "the portion")  # a mask may hide a value
        start = int(events["t"][0]) if self._start is None else self._start
        numbers = np.empty(len(events), np.int64)
        values = np.ascontiguousarray(events).view(np.int64)
        if not _number(values, start, self.time_window, sensor_size, numbers):
            check_events(events, sensor_size, "the portion")  # says what is wrong
        return start, numbers

    def _compute(self, until: int) -> torch.Tensor:
        """Compute all steps before ``until``; return their voltages."""
        if until == self.steps:
            return self._voltages[0][:0, 0]
        waiting, new = np.concatenate(self._waiting), len(self._voltages)
        while self.steps < until:
            end = min(self.steps + max(1, DENSE // self.inputs), until)
            due = waiting < end * self.inputs
            frames = self._frames(waiting[due], self.steps, end)
            with one_cpu_thread():
                voltages, self._state = self.network.resume(frames, self._state)
            self._voltages.append(voltages)
            self.steps, waiting = end, waiting[~due]
        self._waiting = [waiting]
        return torch.cat(self._voltages[new:])[:, 0]

    def _frames(self, numbers: np.ndarray, begin: int, end: int) -> Any:
        """Return the frames of some steps as ``FrameNetwork.resume`` takes them."""
        shape = (end - begin, 1, *self.classifier.sensor_size[::-1])
        if self.sparse:
            places, counts = np.unique(numbers - begin * self.inputs, return_counts=True)
            indices = np.stack(np.unravel_index(places, shape))
            tensors = torch.from_numpy(indices), torch.from_numpy(counts.astype(self.dtype))
            return torch.sparse_coo_tensor(*tensors, shape, check_invariants=False)
        first, last = begin * self.inputs, end * self.inputs
        counts = np.bincount(numbers - first, minlength=last - first).astype(self.dtype)
        return torch.from_numpy(counts).view(-1, 1, *self.classifier.sensor_size[::-1])


def _home(name: str, network: FrameNetwork) -> type:
    """Return the class that a network has a method from."""
    return next(kind for kind in type(network).__mro__ if name in vars(kind))


@compiled
def _number(events, start, time_window, sensor_size, numbers):
    """Number events, as t, x, y, p, t, ...; return whether all are in order and on the sensor."""
    width, height, polarities = sensor_size
    before = max(events[0], -(2**53))
    for n in range(len(numbers)):
        t, x, y, p = events[4 * n], events[4 * n + 1], events[4 * n + 2], events[4 * n + 3]
        on_sensor = 0 <= x < width and 0 <= y < height and 0 <= p < polarities
        if not on_sensor or t < before or t > 2**53:
            return False
        # Beyond these, a step is too early or too late in any case.
        before, step = t, max(-1, min(MOST_STEPS, np.floor((t - start) / time_window)))
        numbers[n] = ((np.int64(step) * polarities + p) * height + y) * width + x
    return True
