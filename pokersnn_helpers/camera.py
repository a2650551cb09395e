"""A simulated event camera: pictures of light in, events out."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EventCamera:
    """A dynamic vision sensor (DVS), with the ways in which a real one isn't ideal.

    A pixel remembers a log intensity. When the one that it sees has risen above it by the ON
    threshold, or fallen below it by the OFF threshold, it sends an event and moves what it
    remembers by that threshold (Lichtsteiner et al. 2008, doi:10.1109/JSSC.2007.914337). The
    non-ideal parts follow Hu et al. 2021, doi:10.1109/CVPRW53098.2021.00144. By default, all of
    them are off.

    Attributes:
        on_threshold: Rise of log intensity that makes an ON event.
        off_threshold: Fall of log intensity that makes an OFF event.
        mismatch: Standard deviation of both thresholds from pixel to pixel, as a share.
        bright_response: Time constant of the photoreceptor of a pixel at log intensity 0, in µs.
        dark_response: The same at log intensity −1: the less light, the slower.
        refractory: After an event, a pixel sends none for so long, in µs.
        jitter: An event is delayed by up to so much, at random, in µs.
        burst: Of the events 1 µs after another one, this share is read from the sensor together
            with it, since all pixels share one bus. Both then have the same time stamp. (The bus
            is Lichtsteiner's; the rule is this book's own, and only as good as the ties it makes.)
        noise: Events without a cause a pixel and s, half of them ON.
        leak: What a pixel remembers sinks by so much log intensity a s, until it sends ON.
    """

    on_threshold: float = 0.2
    off_threshold: float = 0.2
    mismatch: float = 0.0
    bright_response: float = 0.0
    dark_response: float = 0.0
    refractory: float = 0.0
    jitter: float = 0.0
    burst: float = 0.0
    noise: float = 0.0
    leak: float = 0.0

    def record(
        self, scenes: Iterable[np.ndarray], step: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Film a scene.

        Args:
            scenes: Log intensities of shape (y, x), one every ``step``. Between them, what a pixel
                sees changes linearly.
            step: Time from one scene to the next in µs.
            rng: Draws each pixel's thresholds and first state, and the noise.

        Returns:
            Events as an int64 array of shape (events, 4), in order of time: t in whole µs since
            the first scene, x, y, and p (1 = ON, 0 = OFF).
        """
        scenes = iter(scenes)
        seen = np.array(next(scenes), dtype=np.float32)
        off, on = thresholds = self._thresholds(seen.shape, rng)
        # A pixel has been watching for long: its change may be anywhere between the thresholds.
        remembered = seen + off - rng.random(seen.shape, np.float32) * (off + on)
        ready = np.zeros_like(seen)  # when a pixel's refractory time is over
        events, now = [], 0.0
        for scene in scenes:
            before, seen = seen, self._respond(seen, scene, step)
            remembered -= np.float32(self.leak * step * 1e-6)
            resting = np.nonzero(ready >= now + step)  # held in reset; a change is lost meanwhile
            remembered[resting] = seen[resting]
            events.append(self._cross(before, seen, remembered, thresholds, ready, now, step))
            now += step
        events.append(self._noise(seen.shape, now, rng))
        return self._read_out(events, rng)

    def _thresholds(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        share = np.clip(rng.normal(1, self.mismatch, (2, *shape)), 0.3, None).astype(np.float32)
        return self.off_threshold * share[0], self.on_threshold * share[1]

    def _respond(self, seen: np.ndarray, scene: np.ndarray, step: float) -> np.ndarray:
        """Move what the pixels see toward the scene, as a low-pass filter of the first order."""
        if self.bright_response == self.dark_response == 0:
            return np.array(scene, dtype=np.float32)
        darkness = np.clip(-seen, 0, 1)
        response = self.bright_response + (self.dark_response - self.bright_response) * darkness
        return seen + (scene - seen) * -np.expm1(-step / np.maximum(response, 1e-9))

    def _cross(
        self,
        before: np.ndarray,
        seen: np.ndarray,
        remembered: np.ndarray,
        thresholds: tuple[np.ndarray, np.ndarray],
        ready: np.ndarray,
        now: float,
        step: float,
    ) -> np.ndarray:
        """Send an event for every threshold crossed; updates ``remembered`` and ``ready``.

        Returns:
            Of shape (4, events): t, x, y and p.
        """
        change = seen - remembered
        off, on = thresholds
        pixels = np.nonzero((change >= on) | (change <= -off))
        change = change[pixels]
        threshold = np.where(change > 0, on[pixels], off[pixels])
        crossings = (np.abs(change) / threshold).astype(int)
        if self.refractory:
            crossings = np.minimum(crossings, 1 + int(step / self.refractory))
        which = np.repeat(np.arange(len(change)), crossings)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(crossings) - crossings, crossings)
        move = np.sign(change) * threshold
        start, slope = before[pixels], (seen - before)[pixels]
        slope[np.abs(slope) < 1e-9] = np.inf
        level = (remembered[pixels][which] + (nth + 1) * move[which]).astype(np.float32)
        share = np.clip((level - start[which]) / slope[which], 0, 1)
        times = np.maximum(now + step * share, ready[pixels][which] + nth * self.refractory)
        last = np.cumsum(crossings) - 1  # each pixel's last event
        remembered[pixels] = level[last]
        ready[pixels] = times[last] + self.refractory
        y, x = pixels
        return np.stack([times, x[which], y[which], move[which] > 0])

    def _noise(
        self, shape: tuple[int, int], duration: float, rng: np.random.Generator
    ) -> np.ndarray:
        height, width = shape
        count = rng.poisson(self.noise * duration * 1e-6 * height * width)
        places = rng.integers(0, width, count), rng.integers(0, height, count)
        return np.stack([duration * rng.random(count), *places, rng.integers(0, 2, count)])

    def _read_out(self, events: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Put events in the order in which the bus, which all pixels share, passes them on."""
        events = np.concatenate(events, axis=1).T
        events[:, 0] += rng.uniform(0, self.jitter, len(events))
        events = events.astype(np.int64)
        events = events[np.argsort(events[:, 0], kind="stable")]
        next_to = np.flatnonzero(np.diff(events[:, 0]) == 1) + 1
        events[next_to[rng.random(len(next_to)) < self.burst], 0] -= 1
        return events
