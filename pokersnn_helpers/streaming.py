"""Ask a classifier while events arrive: a stream carries the network's state from step to step."""

import copy
import math
from typing import Any

import numpy as np
import torch

from .checks import EVENT_DTYPE, check_events, check_range
from .distributed import one_cpu_thread
from .snn import Classifier, FrameNetwork, SpikingNetwork, decode, frame_network, leading
from .training import MOST_STEPS, Prediction, read_prediction

TRUE = np.array([True])
DENSE = 2**22  # counts in the frames that are computed at once


class Stream:
    """A recording that isn't over yet, and what a classifier says about it so far.

    Time begins with the first event, and a time step is computed when an event of a later one has
    come. However the events are cut into portions, voltages and answer are those of ``predict`` on
    the CPU, to the last bit. A stream keeps the voltages, so memory grows by some bytes per step.

    Args:
        classifier: Of a network that can ``resume``: ``SNN``, ``FastSNN``, a ``SpikingNetwork`` of
            your own or ``LayerThenSNN``. The stream takes a copy to the CPU.

    Attributes:
        steps: Time steps that have been computed.

    Raises:
        TypeError: The classifier isn't one, or its network reads whole recordings only.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> events, _ = load_pokerdvs(source="simulated").test[0]
        >>> stream = Stream(Classifier(FastSNN()))
        >>> for portion in np.array_split(events, 10):
        ...     voltages = stream.push(portion)
        >>> stream.finish().shape  # the last time step, which no later event has closed
        torch.Size([1, 4])
        >>> round(sum(stream.prediction().probabilities.values()), 3)
        1.0
    """

    def __init__(self, classifier: Classifier):
        network = frame_network(classifier)
        if type(network).resume is FrameNetwork.resume:
            network.resume(torch.empty(0))  # says what to take instead
        self.classifier = copy.deepcopy(classifier).cpu().eval()
        self.network = frame_network(self.classifier)
        self.inputs = math.prod(self.classifier.sensor_size)
        self.time_window = float(self.network.time_window)
        weight = next(self.network.parameters(), torch.empty(0))
        self.dtype = weight.numpy(force=True).dtype
        self.sparse = network.takes_sparse and type(network).resume is not SpikingNetwork.resume
        nothing = np.empty(0, np.int64), np.empty(0), 0, 1
        with torch.no_grad():  # what doesn't fit is refused, and what compiles does so now
            self.network(torch.zeros(1, 1, *self.classifier.sensor_size[::-1]))
        self._resume: Any = self.network.resume
        if not self.sparse:  # PyTorch computes
            self._resume = one_cpu_thread()(self._resume)
        self._resume(self._frames(*nothing))
        self.reset()

    def reset(self) -> None:
        """Begin a new recording."""
        self.steps = 0
        self._start: int | None = None  # µs
        self._state: Any = None
        self._waiting: list[np.ndarray] = []  # of each event its step and place, as one number
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
                or comes so late that there would be too many steps. No event is taken then.
        """
        if len(events) == 0:
            return self._compute(self.steps)
        events = self._checked(events)
        start = int(events["t"][0]) if self._start is None else self._start
        steps = self._steps_until(events["t"] - start)
        if steps[0] < self.steps:
            raise ValueError(
                f"event 0 is of {events['t'][0]} µs, but all steps before {self.open_since:g} µs "
                "are computed; wait longer before you push events that can be late, or leave out "
                "events[events['t'] < stream.open_since]"
            )
        if steps[-1] >= MOST_STEPS:
            raise ValueError(
                f"the event of {events['t'][-1]} µs would be in step {steps[-1]}, of at most "
                f"{MOST_STEPS}; begin a new recording with stream.reset(), or choose wider bins"
            )
        self._start = start
        width, height, _ = self.classifier.sensor_size
        places = (events["p"] * height + events["y"]) * width + events["x"]
        self._waiting.append(steps * self.inputs + places)
        return self._compute(int(steps[-1]))

    def advance(self, time: float) -> torch.Tensor:
        """Say that all events before ``time`` (µs) have come, and compute the steps until then."""
        check_range(-(2**53), 2**53, time=time)
        if self._start is None:
            return self._compute(0)
        until = int(self._steps_until(np.array([time - self._start]))[0])
        if until >= MOST_STEPS:
            raise ValueError(f"time is {time} µs, too late for one recording; stream.reset()")
        return self._compute(max(until, self.steps))

    def finish(self) -> torch.Tensor:
        """Compute the last step, which no later event has ended; then ``reset`` begins anew."""
        return self._compute(self.steps + 1) if self._waiting else self._compute(self.steps)

    @property
    def voltages(self) -> torch.Tensor:
        """Voltages of all steps so far, (T, classes)."""
        self._voltages = [torch.cat(self._voltages)]
        return self._voltages[0][:, 0]

    def prediction(self) -> Prediction:
        """Return what ``predict`` would, after the steps that have been computed."""
        if self.steps == 0:
            shares = dict.fromkeys(self.classifier.classes, 1 / len(self.classifier.classes))
            return Prediction(None, shares, self.voltages)
        return read_prediction(self.classifier, self.voltages[:, None])

    def settled_ms(self) -> float | None:
        """Return at which time in ms the answer became what it is now; None without an answer.

        It is the end of the time step that changed the answer.
        """
        if self.prediction().class_name is None:
            return None
        if self.classifier.decode is decode:  # which looks at the maxima so far
            so_far = self.voltages.cummax(0).values
        else:
            ends = range(1, self.steps + 1)
            so_far = torch.cat([self.classifier.read(self.voltages[:end, None]) for end in ends])
        answers = leading(so_far)
        others = (answers != answers[-1]).nonzero()
        return (int(others[-1]) + 2 if len(others) else 1) * self.time_window / 1000

    def _checked(self, events: np.ndarray) -> np.ndarray:
        """Refuse what ``check_events`` refuses, but see quickly that nothing is wrong."""
        if getattr(events, "dtype", None) == EVENT_DTYPE and events.flags.c_contiguous:
            t, (_, *largest) = events["t"], events.view(np.uint64).reshape(-1, 4).max(0).tolist()
            # As a number without a sign, one below 0 is too large.
            inside = all(map(int.__lt__, largest, self.classifier.sensor_size))
            if inside and events.ndim == 1 and (t[1:] >= t[:-1]).all():
                return events
        return check_events(events, self.classifier.sensor_size, "the portion")

    def _steps_until(self, since: np.ndarray) -> np.ndarray:
        """Return in which step a time after the first event lies, as ``to_sparse_frames`` does."""
        return np.floor(since / self.time_window).astype(np.int64)

    def _compute(self, until: int) -> torch.Tensor:
        """Compute all steps before ``until``; return their voltages."""
        if until == self.steps:
            return self._voltages[0][:0, 0]
        waiting = np.sort(np.concatenate([*self._waiting, np.empty(0, np.int64)]))
        due = int(np.searchsorted(waiting, until * self.inputs))
        self._waiting = [waiting[due:]] if due < len(waiting) else []
        # As np.unique(waiting[:due], return_counts=True), in a third of its time.
        places = waiting[:due]
        edges = np.flatnonzero(np.concatenate([TRUE[:due], places[1:] != places[:-1], TRUE]))
        places, counts = places[edges[:-1]], edges[1:] - edges[:-1]
        new = len(self._voltages)
        while self.steps < until:
            end = min(self.steps + max(1, DENSE // self.inputs), until)
            frames = self._frames(places, counts, self.steps, end)
            voltages, self._state = self._resume(frames, self._state)
            self._voltages.append(voltages)
            self.steps = end
        found = self._voltages[new:]
        return (torch.cat(found) if len(found) > 1 else found[0])[:, 0]

    def _frames(self, places: np.ndarray, counts: np.ndarray, begin: int, end: int) -> Any:
        """Return the frames of some steps as ``FrameNetwork.resume`` takes them."""
        edges = np.searchsorted(places, self.inputs * np.arange(begin, end + 1))
        places, counts = (each[edges[0] : edges[-1]] for each in (places, counts))
        if self.sparse:
            places = (places % self.inputs).astype(np.int32)
            return [edges - edges[0], places, counts.astype(self.dtype)]
        frames = np.zeros((end - begin) * self.inputs, self.dtype)
        frames[places - begin * self.inputs] = counts
        return torch.from_numpy(frames).view(-1, 1, *self.classifier.sensor_size[::-1])
