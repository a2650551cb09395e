"""What ``compare`` trains: models that see something trivial, no order of events, or the order.

``CANDIDATES`` lists them. Each ``make`` takes the settings of a fold, which are chosen by what it
learns from, and returns an estimator: ``fit(recordings, seed)`` learns and returns it,
``predict(recordings)`` returns the index of a class for each, or -1. A ``make`` is pickled for
other processes, and an estimator that it returns is copied before it learns.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from pokersnn_helpers.events.recordings import Recordings
from pokersnn_helpers.networks.spiking_network import WHOLE
from pokersnn_helpers.system.checks import check_range
from pokersnn_helpers.training.recipe import choose_recipe

from ..evidence.estimators import (
    FeatureEstimator,
    Features,
    NetworkEstimator,
    Perturbation,
    PerturbedEstimator,
    logistic_regression,
)
from ..evidence.portions import any_tenth, first_tenth, last_tenth, uniform_time
from ..look.inspection import find_hot_pixels
from ..models import features, ordinary
from ..models.detector import detector
from .verdict import Candidate, Sees

LEARNED = ("time_window", "augment", "epochs", "batch_size", "learning_rate")  # by networks
STEPS = 300  # of training: after these, all networks tried know what they learn from
MIN_EPOCHS = 15  # of few recordings a network has to see each so often
FINER = 5  # times as many bins: at the usual 50, what takes a fiftieth of a recording is blurred
MAX_TIME_WINDOW = 125_000  # µs: the detector's delays, up to eight bins, may last a second


Settings = dict[str, Any]  # what the models of a fold learn by, as ``choose_settings`` returns it
Make = Callable[[Settings], Any]


def choose_settings(recordings: Recordings, given: Settings) -> Settings:
    """Choose what isn't given as ``train`` does, but fewer steps.

    Args:
        recordings: Those to learn from.
        given: Number of epochs, width of the time bins in µs and augmentation; None stands for one
            that isn't given.

    Returns:
        By name: what networks are trained by (``LEARNED``); ``usual_time_window``, which
        ``choose_recipe`` chooses, in µs; and ``detector_epochs``, those of ``train``.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> given = {"epochs": None, "time_window": None, "augment": None}
        >>> choose_settings(load_nmnist().train, given)["epochs"]
        24
    """
    chosen = choose_recipe(recordings, **given)
    check_range(1, MAX_TIME_WINDOW, time_window=chosen.time_window)
    few = max(MIN_EPOCHS, math.ceil(STEPS * chosen.batch_size / len(recordings)))
    return {
        **learned_by(vars(chosen)),
        "epochs": given["epochs"] or few,
        "usual_time_window": choose_recipe(recordings).time_window,
        "detector_epochs": chosen.epochs,
    }


def learned_by(settings: Settings) -> Settings:
    """Return the arguments of ``train_classifier`` among the settings."""
    return {name: settings[name] for name in LEARNED}


def _trees(features: Features) -> FeatureEstimator:
    """Return randomised trees, which find combinations of features in few recordings."""
    return FeatureEstimator(ExtraTreesClassifier(150, random_state=0), features)


def _quadratic(features: Features) -> FeatureEstimator:
    """Return a logistic regression on features, their squares and their products."""
    regression = LogisticRegression(C=10, max_iter=2000)
    squares = make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), regression)
    return FeatureEstimator(squares, features)


def hot_pixel_image(recordings: Recordings) -> np.ndarray:
    """Return 1 for each pixel that is hot in a recording, 0 for others, (recordings, pixels).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> hot_pixel_image(load_pokerdvs(source="simulated").test).shape
        (20, 1225)
    """
    width, height, _ = recordings.sensor_size
    images = np.zeros((len(recordings), height, width))
    for image, events in zip(images, recordings.events, strict=True):
        x, y = find_hot_pixels(events).T
        image[y, x] = 1
    return images.reshape(len(images), -1)


def image_network(settings: Settings) -> NetworkEstimator:
    """Return a CNN of the event-count image, to which places don't matter."""
    recipe = learned_by(settings) | {
        "time_window": WHOLE,
        "epochs": 2 * settings["epochs"],
        "learning_rate": 0.003,
        "clip_norm": None,
    }
    return NetworkEstimator(partial(ordinary.CNN, pooled=True), **recipe)


def network_of_train(settings: Settings) -> NetworkEstimator:
    """Return what ``train`` trains."""
    network = detector(settings["time_window"], settings["usual_time_window"])
    recipe = learned_by(settings) | {"epochs": settings["detector_epochs"]}
    return NetworkEstimator(network, **recipe)


def without_times(model: Candidate) -> Candidate:
    """Return a model that sees no more than the image, since it learns from times drawn anew."""
    return Candidate(
        f"{model.name}, new times",
        Sees.IMAGE,
        lambda settings: PerturbedEstimator(model.make(settings), uniform_time),
        spikes=model.spikes,
        as_recorded=False,
    )


def in_finer_bins(model: Candidate) -> Candidate:
    """Return a network that sees time bins a fifth as wide."""

    def make(settings: Settings) -> Any:
        return model.make(settings | {"time_window": settings["time_window"] / FINER})

    return Candidate(f"{model.name}, finer bins", Sees.MEMORY, make, spikes=model.spikes)


def trees_over_time(features: Any, finer: int = 1) -> Make:
    """Return what makes trees of features that depend on the width of the time bins."""

    def make(settings: Settings) -> FeatureEstimator:
        return _trees(partial(features, time_window=settings["time_window"] / finer))

    return make


def of_part(estimator: FeatureEstimator, cut: Perturbation) -> Make:
    """Return what makes an estimator that sees a part of each recording."""
    return lambda _: PerturbedEstimator(estimator, cut)


def network(kind: Any, **options: Any) -> Make:
    """Return what makes a network that learns by the recipe."""
    return lambda settings: NetworkEstimator(kind, **learned_by(settings), **options)


def motion_correlations(settings: Settings) -> FeatureEstimator:
    """Return a logistic regression on what moves where, in 3 × 3 regions."""
    width = settings["time_window"]
    return logistic_regression(
        partial(features.shift_correlation, time_window=width, regions=3, steps=(1, 2))
    )


PLACE = _quadratic(features.place_and_polarity)
IMAGE = logistic_regression(ordinary.summed_image, C=10)
ONE_PIXEL = FeatureEstimator(DecisionTreeClassifier(max_depth=1), ordinary.summed_image)
START = "how your recordings start"

ANY_EVENTS = Candidate("any events", Sees.CONTROL, of_part(PLACE, any_tenth))
ANY_TENTH = Candidate("any tenth", Sees.CONTROL, of_part(IMAGE, any_tenth))
CANDIDATES = (  # the fastest first
    Candidate("first events", Sees.TRIVIAL, of_part(PLACE, first_tenth), START, ANY_EVENTS),
    Candidate("first tenth", Sees.TRIVIAL, of_part(IMAGE, first_tenth), START, ANY_TENTH),
    Candidate("last tenth", Sees.TRIVIAL, of_part(IMAGE, last_tenth), "how they end", ANY_TENTH),
    Candidate(
        "count and duration",
        Sees.TRIVIAL,
        lambda _: _quadratic(features.count_and_duration),
        "whether those of all classes have as many events and are equally long",
    ),
    Candidate(
        "hot pixels",
        Sees.TRIVIAL,
        lambda _: logistic_regression(hot_pixel_image),
        "the camera's hot pixels, which the command clean leaves out",
    ),
    Candidate("one pixel", Sees.TRIVIAL, lambda _: ONE_PIXEL, "that pixel"),
    ANY_EVENTS,
    ANY_TENTH,
    Candidate("regression on the image", Sees.IMAGE, lambda _: IMAGE),
    Candidate("trees on the image", Sees.IMAGE, lambda _: _trees(ordinary.summed_image)),
    Candidate("CNN on the image", Sees.IMAGE, image_network),
    Candidate("trees on the rate", Sees.RATE, trees_over_time(features.rate_over_time, FINER)),
    Candidate(
        "trees on image and rate", Sees.IMAGE_AND_RATE, trees_over_time(features.sum_and_rate)
    ),
    Candidate("MLP on single frames", Sees.FRAMES, network(ordinary.FrameMLP)),
    Candidate("motion correlations", Sees.ORDER, motion_correlations),
    Candidate("regions over time", Sees.ORDER, trees_over_time(features.regions_over_time)),
    Candidate("rhythm of regions", Sees.ORDER, trees_over_time(features.rhythm_of_regions, FINER)),
    Candidate("all features", Sees.ORDER, trees_over_time(features.sum_rate_and_regions)),
    Candidate("GRU", Sees.MEMORY, network(ordinary.GRU, clip_norm=1.0)),
    Candidate("SNN of train", Sees.MEMORY, network_of_train, spikes=True),
)
