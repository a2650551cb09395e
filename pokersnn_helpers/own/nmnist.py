"""N-MNIST's digits 6 to 9: real recordings that come with the package.

``nmnist.txt`` says whose they are, under which licence, and how they were chosen.
"""

from pathlib import Path

import numpy as np

from ..recordings import Recordings, Split
from .camera_files import make_events

CLASSES = ("6", "7", "8", "9")
SENSOR_SIZE = (34, 34, 2)
TRAIN = 400  # recordings, then those to test on; both in the order of the classes
# Columns of all events: t, the time in µs since the one before, x, y and p. Of each recording:
# ends, the number of the event behind its last one, and targets.
FILE = Path(__file__).with_name("nmnist.npz")


def load_nmnist() -> Split:
    """Load 600 recordings of N-MNIST: the digits 6 to 9 during the first saccade of the camera.

    An event camera of 34 × 34 pixels looked at a screen with handwritten digits, and moved a little
    (Orchard et al. 2015, doi:10.3389/fnins.2015.00437). These recordings may be passed on under
    CC BY-SA 4.0, with credit.

    Returns:
        Of each digit, 100 recordings of about 95 ms to train on and 50 to test on.

    Example:
        >>> load_nmnist()
        N-MNIST recordings: 400 to train on, 200 to test on
    """
    columns = np.load(FILE)
    events = make_events(columns["t"], columns["x"], columns["y"], columns["p"])
    recordings = np.split(events, columns["ends"][:-1])
    for recording in recordings:
        recording["t"] = recording["t"].cumsum()
    targets = columns["targets"]
    train = Recordings(recordings[:TRAIN], targets[:TRAIN], CLASSES, SENSOR_SIZE)
    test = Recordings(recordings[TRAIN:], targets[TRAIN:], CLASSES, SENSOR_SIZE)
    return Split(train, test, source="N-MNIST")
