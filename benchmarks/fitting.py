"""Fit the simulated camera anew, to nothing but Tonic's 48 training recordings.

Of the three steps that ``pokersnn_helpers.simulation.cards`` tells of, this is the second, and that
in part: constants of the camera move, while the pips, the ways of the cards, lens, light and
tracking stay what they were. A simplex (Nelder and Mead 1965, doi:10.1093/comjnl/7.4.308) begins at
a camera that knows nothing of the real one, and looks for constants with which cards have the
twelve statistics of the real ones. The image, the intervals at a pixel and Tonic's 20 test
recordings are left out of the fit, and ask how much it is worth.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy import ndarray
from pandas import DataFrame
from scipy.optimize import minimize

from pokersnn_helpers import Recordings, load_pokerdvs
from pokersnn_helpers.events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation.camera import EventCamera
from pokersnn_helpers.simulation.cards import CAMERA, simulate_recording

from . import Row, folds
from .comparison import all_statistics, c2st_accuracy
from .simulation import DESCRIBED

BEGIN = {  # what the simplex begins with, and moves
    "on_threshold": 0.3,
    "off_threshold": 0.3,
    "mismatch": 0.2,
    "tau_bright": 100,
    "refractory_period_us": 200,
    "timestamp_jitter_us": 10,
    "noise_rate_hz": 1,
    "leak_rate": 0.3,
}
SLOWER_IN_THE_DARK = CAMERA.tau_dark / CAMERA.tau_bright
QUANTILES = (0.1, 0.5, 0.9)


def camera_of(logarithms: ndarray) -> EventCamera:
    """Return a camera, from the logarithms of its constants."""
    constants = dict(zip(BEGIN, np.exp(logarithms).tolist(), strict=True))
    tau_dark = SLOWER_IN_THE_DARK * constants["tau_bright"]
    return replace(CAMERA, **constants, tau_dark=tau_dark)


def cards(camera: EventCamera, suits: list[int], seed: int) -> Recordings:
    """Film a card of each of some suits."""
    events = []
    for number, suit in enumerate(suits):
        rng = np.random.default_rng([seed, number])
        events.append(simulate_recording(POKERDVS_CLASSES[suit], rng, camera))
    return Recordings(events, suits, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)


def numbers(recordings: Recordings) -> DataFrame:
    """Return the twelve statistics of each recording."""
    return all_statistics(recordings).select_dtypes("number")


def distance(recordings: Recordings, real: DataFrame) -> float:
    """Return how far quantiles of the statistics are from the real ones, in standard deviations."""
    away = (numbers(recordings).quantile(QUANTILES) - real.quantile(QUANTILES)) / real.std()
    return float(np.sqrt((away**2).mean(axis=None)))


def miss(logarithms: ndarray, suits: list[int], seed: int, real: DataFrame) -> float:
    """Return how far a camera is off; very far, where it sees nothing."""
    try:
        return distance(cards(camera_of(logarithms), suits, seed), real)
    except ValueError:
        return 100.0


def fit(seed: int, evaluations: int) -> EventCamera:
    """Look for the camera, by cards that each seed draws anew."""
    train = load_pokerdvs(source="real").train
    found = minimize(
        partial(miss, suits=list(train.targets), seed=seed, real=numbers(train)),
        np.log(list(BEGIN.values())),
        method="Nelder-Mead",
        options={"maxfev": evaluations, "adaptive": True},
    )
    return camera_of(found.x)


def judged(name: str, camera: EventCamera, seed: int) -> list[Row]:
    """Say how well new cards of a camera can be told from real ones, and how far they are off."""
    data = load_pokerdvs(source="real")
    real = data.train + data.test
    simulated = cards(camera, 4 * list(real.targets), 1000 + seed)
    rows = [{"camera": name, "by": "distance", "mean": distance(simulated, numbers(data.test))}]
    for seen, describe in DESCRIBED.items():
        accuracy = c2st_accuracy(describe(real), describe(simulated), seed)
        rows.append({"camera": name, "by": seen, "mean": accuracy})
    return rows


def of_seed(seed: int, evaluations: int) -> tuple[EventCamera, list[Row]]:
    """Fit a camera, and judge it beside the one it began with and the package's."""
    fitted = fit(seed, evaluations)
    cameras = {"before": camera_of(np.log(list(BEGIN.values()))), "fitted": fitted, "kept": CAMERA}
    return fitted, [row for name in cameras for row in judged(name, cameras[name], seed)]


def measure(seeds: int = 2, epochs: int = 200) -> Row:
    """Fit the camera, and say what the fit is worth.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other cards.
        epochs: Evaluations of a fit, of 48 cards each.

    Returns:
        In ``constants`` the camera's, before and after, and those in the package; in ``rows`` of
        each of these cameras how far the quantiles of the statistics of its cards are from those of
        the 20 test recordings, and how well its cards are told from the 68 real ones.
    """
    found = folds.in_parallel(of_seed, [(seed, epochs) for seed in range(seeds)])
    constants = []
    for name, begin in BEGIN.items():
        fitted = [getattr(camera, name) for camera, _ in found]
        row = {"constant": name, "before": begin, "kept": getattr(CAMERA, name)}
        constants.append(row | folds.spread(fitted))
    rows = []
    for same in zip(*(of_cameras for _, of_cameras in found), strict=True):
        rows.append(same[0] | folds.spread([row["mean"] for row in same]))
    return {"seeds": seeds, "evaluations": epochs, "constants": constants, "rows": rows}
