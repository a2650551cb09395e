"""A simulated event camera: log intensities in, events out. It knows nothing of cards."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib.recfunctions import unstructured_to_structured
from numpy.random import Generator

from ..system.checks import EVENT_DTYPE, check_range
from ..system.compiling import compiled

FRAME_INTERVAL = 100  # µs, between two frames of a scene that moves fast


class Pixels(NamedTuple):
    """What the pixels are, and what they remember from frame to frame; of shape (y, x)."""

    on: ndarray  # ON threshold
    off: ndarray  # OFF threshold
    reference: ndarray  # log intensity
    refractory_until: ndarray  # in µs


class Interval(NamedTuple):
    """The time from one frame to the next, in µs, and how long a pixel waits after an event."""

    begin: float
    end: float
    period: float


@dataclass(frozen=True)
class EventCamera:
    """A dynamic vision sensor (DVS) with the flaws of a real one.

    A pixel stores a reference, which is a log intensity. When the light has risen above it by the
    ON threshold, or fallen below it by the OFF threshold, the pixel sends an event and moves the
    reference by that threshold (Lichtsteiner et al. 2008, doi:10.1109/JSSC.2007.914337). The
    non-ideal parts follow Hu et al. 2021, doi:10.1109/CVPRW53098.2021.00144. By default, all of
    them are off.

    Attributes:
        on_threshold: Rise of log intensity that makes an ON event.
        off_threshold: Fall of log intensity that makes an OFF event.
        mismatch: Relative standard deviation of both thresholds between pixels. A threshold of less
            than 0.3 of the typical one is raised to that, so the true deviation is smaller: 0.43
            for 0.45.
        tau_bright: Time constant of a pixel's photoreceptor at log intensity 0, in µs.
        tau_dark: The same at log intensity −1. The less light there is, the slower a pixel is.
        refractory_period_us: Time after an event during which a pixel sends no other one, in µs.
        timestamp_jitter_us: The longest delay of a time stamp in µs. Delays are random.
        tie_probability: The share of events 1 µs after another one that are given the same time
            stamp, because all pixels share one bus. (The bus is Lichtsteiner's. The rule is this
            book's own and was only chosen to give about as many ties as the real recordings have.)
        noise_rate_hz: Events without a cause per pixel and s, half of them ON.
        leak_rate: Log intensity per s by which the reference sinks, until the pixel sends an ON
            event.

    Example:
        >>> light = np.log(np.full((3, 1, 1), 0.3) ** [[[0]], [[1]], [[2]]])  # falls twice to 30 %
        >>> events = EventCamera(off_threshold=0.5).record(light, 1000, np.random.default_rng(0))
        >>> len(events), set(events["p"].tolist())
        (5, {0})
    """

    on_threshold: float = 0.2
    off_threshold: float = 0.2
    mismatch: float = 0.0
    tau_bright: float = 0.0
    tau_dark: float = 0.0
    refractory_period_us: float = 0.0
    timestamp_jitter_us: float = 0.0
    tie_probability: float = 0.0
    noise_rate_hz: float = 0.0
    leak_rate: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():  # numbers beyond would only exhaust the memory
            lowest = 1e-3 if name.endswith("threshold") else 0
            highest = 1 if name == "tie_probability" else 1e9
            check_range(lowest, highest, **{name: value})

    def record(
        self, log_frames: Iterable[ndarray], frame_interval: float, rng: Generator | int
    ) -> ndarray:
        """Film a scene.

        Args:
            log_frames: Log intensities of shape (y, x), one every ``frame_interval``. In between,
                the light changes linearly.
            frame_interval: Time from one frame to the next in µs.
            rng: The random generator, or a seed, for each pixel's thresholds and first state, and
                for the noise.

        Returns:
            Events in order of time, as a structured array of ``EVENT_DTYPE``; t counts from the
            first frame.

        Raises:
            ValueError: ``frame_interval`` isn't from 0.001 to 1e9, there is no frame, or frames
                differ in shape or hold values that aren't logarithms of light.
        """
        check_range(1e-3, 1e9, frame_interval=frame_interval)
        copies = [np.array(frame, np.float32) for frame in log_frames]  # of a buffer they may share
        frames = np.array(copies)
        if frames.ndim != 3 or frames.size == 0:
            raise ValueError(f"log_frames have shape {frames.shape}; expected (frames, y, x)")
        if not np.abs(frames).max() <= 100:
            raise ValueError(
                "log_frames aren't finite, or beyond ±100; give np.log(light), of light that is "
                "raised to 1e-3, say"
            )
        rng = np.random.default_rng(rng)
        before = frames[0]
        shape = before.shape
        factors = rng.normal(1, self.mismatch, (2, *shape))
        off_factors, on_factors = factors.clip(0.3).astype(np.float32)
        off = np.float32(self.off_threshold) * off_factors
        on = np.float32(self.on_threshold) * on_factors
        # A pixel has been watching for long: its change may be anywhere between the thresholds.
        between = rng.random(shape, np.float32)
        change = between * (off + on)
        reference = before + off - change
        refractory_until = np.zeros(shape)  # µs
        pixels = Pixels(on, off, reference, refractory_until)
        leak = np.float32(self.leak_rate * frame_interval * 1e-6)
        now = 0.0
        events = []
        for frame in frames[1:]:
            log_intensity = self._respond(before, frame, frame_interval)
            end = now + float(frame_interval)
            reference -= leak
            # A pixel that is refractory all the while is held in reset: its change is lost.
            np.copyto(reference, log_intensity, where=refractory_until >= end)
            interval = Interval(now, end, float(self.refractory_period_us))
            events.append(_send_events(before, log_intensity, pixels, interval))
            before = log_intensity
            now = end
        noise = self._noise(shape, now, rng)
        columns = np.concatenate([*events, noise], axis=1)
        return self._read_out(columns, rng)

    def _respond(self, light: ndarray, frame: ndarray, frame_interval: float) -> ndarray:
        """Move what the photoreceptors report toward a frame: a first-order low-pass filter."""
        if self.tau_bright == self.tau_dark == 0:
            return frame
        darkness = np.clip(-light, 0, 1)
        slower = self.tau_dark - self.tau_bright
        tau = self.tau_bright + slower * darkness
        time_constants = frame_interval / np.maximum(tau, 1e-9)
        share = -np.expm1(-time_constants)
        return light + (frame - light) * share

    def _noise(self, shape: tuple[int, int], duration: float, rng: Generator) -> ndarray:
        """Draw events without a cause, in columns t, x, y and p."""
        height, width = shape
        expected = self.noise_rate_hz * duration * 1e-6 * (height * width)
        count = rng.poisson(expected)
        x = rng.integers(0, width, count)
        y = rng.integers(0, height, count)
        t = duration * rng.random(count)
        p = rng.integers(0, 2, count)
        return np.stack([t, x, y, p])

    def _read_out(self, columns: ndarray, rng: Generator) -> ndarray:
        """Put events in the order in which the bus, which all pixels share, passes them on."""
        n_events = columns.shape[1]
        columns[0] += rng.uniform(0, self.timestamp_jitter_us, n_events)
        columns = columns.astype(np.int64)
        order = np.argsort(columns[0], kind="stable")
        columns = columns[:, order]
        times = columns[0]
        next_to = 1 + np.flatnonzero(np.diff(times) == 1)
        chances = rng.random(len(next_to))
        tied = next_to[chances < self.tie_probability]
        times[tied] -= 1
        return unstructured_to_structured(columns.T, EVENT_DTYPE)


@partial(compiled, contract=False)
def _send_events(before, after, pixels, interval):
    """Send an event for every threshold crossed, in columns t, x, y and p; move the pixels on.

    Args:
        before: Log intensities of shape (y, x) at the begin of the interval.
        after: Those at its end.
        pixels: ``Pixels``, which change.
        interval: ``Interval``.
    """
    crossings = _count_crossings(after, pixels, interval)
    events = np.empty((4, crossings.sum()))
    count = 0
    for place in np.ndindex(after.shape):
        if crossings[place] == 0:
            continue
        light = before[place], after[place]
        polarity = light[1] > pixels.reference[place]
        times = events[0, count:]
        sent = _pass_levels(light, pixels, place, crossings[place], interval, times)
        y, x = place
        for event in range(count, count + sent):
            events[1, event] = x
            events[2, event] = y
            events[3, event] = polarity
        count += sent
    return events[:, :count]


@partial(compiled, contract=False)
def _count_crossings(after, pixels, interval):
    """Return how many thresholds each pixel crosses, at most about as many as have time."""
    duration = interval.end - interval.begin
    most = np.float32(1 + duration / max(interval.period, 1e-6))
    crossings = np.empty(after.shape, np.int64)
    for place in np.ndindex(after.shape):
        change = after[place] - pixels.reference[place]
        threshold = pixels.on[place] if change > 0 else pixels.off[place]
        crossings[place] = min(abs(change) / threshold, most)
    return crossings


@partial(compiled, contract=False)
def _pass_levels(light, pixels, place, crossings, interval, times):
    """Write when a pixel sends events; return how many.

    The nth event of a pixel comes when its level is crossed, c(n), but a refractory period R
    after the one before: t(n) = max(c(n), t(n−1) + R), the greatest c(j) + (n−j)·R of j ≤ n.
    In a frame the light passes levels at a constant pace, so that c is convex: j is 0 or n.
    """
    before, after = light
    reference = np.float64(pixels.reference[place])
    sign = np.sign(after - pixels.reference[place])
    step = sign * (pixels.on[place] if sign > 0 else pixels.off[place])
    speed = max(sign * (after - before), np.float32(1e-9))  # per frame; still light has passed all
    first = 0.0
    for nth in range(crossings):
        level = reference + np.float64(nth + 1) * step
        # Where the light was beyond a level before, since the pixel had to wait, c is now.
        ahead = max(sign * (level - before), 0.0)
        share = min(ahead / speed, 1.0)  # of the frame
        time = interval.begin + (interval.end - interval.begin) * share
        if interval.period:
            if nth == 0:
                first = max(time, pixels.refractory_until[place])
            time = max(time, first + nth * interval.period)
            if time > interval.end:
                return nth  # it and the next ones wait for the next frame
        times[nth] = time
        pixels.reference[place] = level
        pixels.refractory_until[place] = time + interval.period
    return crossings
