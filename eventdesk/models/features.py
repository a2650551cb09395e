"""Numbers that describe recordings, for ordinary classifiers: each leaves something out."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

from pokersnn_helpers.events.frames import to_frames
from pokersnn_helpers.events.recordings import PackedRecording, Recordings

from .ordinary import summed_image

MAX_LAG = 2048  # bins between two events of ``rate_over_time``


def place_and_polarity(recordings: Recordings) -> ndarray:
    """Return column, row and polarity of the first event, and of all events their average.

    It is the median of columns and rows, and the mean of polarities.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> place_and_polarity(some).shape
        (2, 6)
    """
    features = []
    for events in recordings.events:
        first = [events[0][field] for field in "xyp"]
        median = [np.median(events[field]) for field in "xy"]
        features.append([*first, *median, events["p"].mean()])
    return np.array(features)


def count_and_duration(recordings: Recordings) -> ndarray:
    """Return the logarithms of each recording's number of events and of its duration.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> count_and_duration(some).shape
        (2, 2)
    """
    sizes = [(len(packed.t), packed.t[-1]) for packed in recordings.events.packed]
    return np.log1p(sizes)


def rate_over_time(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return the event rate over time, and at which lags events follow one another.

    Places and polarities don't count. Lags tell rhythms apart, whenever these begin: the number of
    pairs of events at each lag is divided by what a constant rate would have, in ranges of up to
    2,048 bins in a geometric series. Triples of events tell the order of two intervals: how much
    more often a shorter one comes before a longer one than the other way round.

    Args:
        recordings: The recordings, whose events count alike in both polarities.
        time_window: Width of a time bin in µs, the shortest lag.

    Returns:
        Of each recording, logarithms for 20 twentieths of the duration and for 37 ranges of lags,
        and shares of triples, from -1 to 1, for 66 pairs of ranges: (recordings, 123).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> rate_over_time(some).shape
        (2, 123)
    """
    rates = []
    for packed in recordings.events.packed:
        counts = np.bincount(_bins(packed, time_window))
        twentieths, _ = np.histogram(packed.t, 20)
        rates.append([*np.log1p(twentieths), *_rhythm(counts), *_interval_order(counts)])
    return np.array(rates)


def _rhythm(counts: ndarray) -> ndarray:
    """Return how often events follow one another at each lag, relative to a constant rate."""
    lags = np.arange(MAX_LAG)
    first_lags = np.unique(np.geomspace(1, MAX_LAG, 44).astype(int))[:-1]
    bins = len(counts)
    length = 2 * max(bins, MAX_LAG)  # so that no lag comes round
    spectrum = np.fft.rfft(counts, length)
    pairs = np.fft.irfft(np.abs(spectrum) ** 2)[:MAX_LAG].clip(0)
    expected = counts.mean() ** 2 * (bins - lags).clip(0)
    of_lags = 1 + np.add.reduceat(pairs, first_lags)
    of_constant_rate = 1 + np.add.reduceat(expected, first_lags)
    return np.log(of_lags / of_constant_rate)


def _interval_order(counts: ndarray) -> ndarray:
    """Return how much more often a shorter interval precedes a longer one than follows it.

    The intervals are of 12 ranges of lags, so that there are 66 pairs of a shorter and a longer.
    """
    lags = np.unique(np.geomspace(4, MAX_LAG, 13).astype(int))
    differences = counts - counts.mean()
    total = np.concatenate([[0], differences.cumsum()])
    now = np.arange(len(counts))
    later = (now + lags[:, None]).clip(0, len(counts))
    earlier = (now + 1 - lags[:, None]).clip(0, len(counts))
    after = np.diff(total[later], axis=0)
    before = -np.diff(total[earlier], axis=0)
    triples = (before * differences) @ after.T
    shares = triples / np.abs(triples).sum().clip(1e-9)
    return (shares - shares.T)[np.triu_indices(len(shares), 1)]


def rhythm_of_regions(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return at which lags events of each of 3 × 3 regions follow one another.

    Args:
        recordings: The recordings, whose events count alike in both polarities.
        time_window: Width of a time bin in µs, the shortest lag.

    Returns:
        Logarithms (recordings, 9 regions × 37 ranges of lags), as in ``rate_over_time``.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> rhythm_of_regions(some).shape
        (2, 333)
    """
    rhythms = []
    for packed in recordings.events.packed:
        bins = _bins(packed, time_window)
        counts = np.zeros((9, bins[-1] + 1))
        np.add.at(counts, (_regions(packed.unpack(), recordings), bins), 1)
        rhythms.append(np.concatenate([_rhythm(of_region) for of_region in counts]))
    return np.stack(rhythms)


def _bins(packed: PackedRecording, time_window: float) -> ndarray:
    """Return the number of the time bin that each event is in."""
    return (packed.t / time_window).astype(int)


def _regions(events: ndarray, recordings: Recordings) -> ndarray:
    """Return the number of the region that each event is in, of 3 × 3 row by row."""
    width, height, _ = recordings.sensor_size
    return events["y"] * 3 // height * 3 + events["x"] * 3 // width


def regions_over_time(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return how the events in 13 parts of a recording are correlated over time.

    Nine parts are 3 × 3 regions. The other four are all OFF events, all ON events, and the sums of
    columns and of rows, which tell in which direction events move wherever they begin.

    Args:
        recordings: The recordings, whose events count alike in both polarities within regions.
        time_window: Width of a time bin in µs.

    Returns:
        Correlations (recordings, 13 parts + 78 pairs × 6): of each part with time; of pairs in the
        same bin; and how much more often the second part follows the first one by 1, 2, 4, 8 and 16
        bins than precedes it.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> regions_over_time(some).shape
        (2, 481)
    """
    pairs = np.triu_indices(13, 1)
    correlations = []
    for packed in recordings.events.packed:
        events = packed.unpack()
        bins = _bins(packed, time_window)
        counts = np.zeros((max(17, bins[-1] + 1), 13))
        np.add.at(counts, (bins, _regions(events, recordings)), 1)
        np.add.at(counts, (bins, 9 + (events["p"] > 0)), 1)
        for part, field in enumerate("xy", 11):
            np.add.at(counts[:, part], bins, events[field] - events[field].mean())
        counts -= counts.mean(0)
        counts /= np.linalg.norm(counts, axis=0).clip(1e-9)
        time = np.linspace(-1, 1, len(counts))
        together = counts.T @ counts
        of_recording = [time @ counts, together[pairs]]
        for steps in (1, 2, 4, 8, 16):
            later = counts[:-steps].T @ counts[steps:]
            of_recording.append((later - later.T)[pairs])
        correlations.append(np.concatenate(of_recording))
    return np.stack(correlations)


def sum_rate_and_regions(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return ``sum_and_rate`` and ``regions_over_time``.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> len(sum_rate_and_regions(some))
        2
    """
    without_order = sum_and_rate(recordings, time_window)
    return np.hstack([without_order, regions_over_time(recordings, time_window)])


def sum_and_rate(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return ``summed_image``, and ``rate_over_time`` in bins a fifth as wide.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> len(sum_and_rate(some))
        2
    """
    return np.hstack([summed_image(recordings), rate_over_time(recordings, time_window / 5)])


def shift_correlation(
    recordings: Recordings, time_window: float = 1000, regions: int = 1, steps: Sequence[int] = (1,)
) -> ndarray:
    """Return in which direction events move from frame to frame.

    A frame is multiplied with a later one, shifted by up to two pixels each way, as a field of
    correlation-type motion detectors does (Hassenstein and Reichardt 1956,
    doi:10.1515/znb-1956-9-1004). The products are added up in each region and for each shift, and
    divided by their sum over the shifts.

    Args:
        recordings: The recordings, whose events count alike in both polarities.
        time_window: Width of a time bin in µs.
        regions: The number of regions along each side of a frame.
        steps: How many frames lie between a frame and the later one.

    Returns:
        Shares (recordings, steps × 25 shifts × regions²), 0 to 1.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> shift_correlation(load_pokerdvs(source="simulated").test).shape
        (20, 25)
    """
    correlations = []
    for events in recordings.events:
        frames = to_frames(events, time_window, recordings.sensor_size).sum(1)  # without polarity
        frames = pad(frames, (0, 0, 0, 0, 0, max(steps)))
        shares = [_shares(frames, late, regions) for late in steps]
        correlations.append(torch.cat(shares).flatten().numpy())
    return np.stack(correlations)


def _shares(frames: Tensor, late: int, regions: int) -> Tensor:
    """Return shares (25 shifts, regions, regions) of one recording's frames (T, height, width)."""
    height, width = frames.shape[1:]
    later = pad(frames[late:], (2, 2, 2, 2))
    products = [
        (frames[:-late] * later[:, y : y + height, x : x + width]).sum(0)
        for y, x in np.ndindex(5, 5)
    ]
    places = adaptive_avg_pool2d(torch.stack(products), regions)
    return places / places.sum(0).clamp_min(1e-9)
