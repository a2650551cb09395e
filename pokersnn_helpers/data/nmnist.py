"""N-MNIST's digits 6 to 9: real recordings that come with the package.

``nmnist.txt`` says whose they are, under which licence, and how they were chosen.
"""

from pathlib import Path

import numpy as np

from ..events.recordings import Recordings, Split, make_events

CLASSES = ("6", "7", "8", "9")
SENSOR_SIZE = (34, 34, 2)
# By the saccade. Columns of all events: t, the time in µs since the one before, x, y and p. Of each
# recording: ends, the number of the event behind its last one, and targets. The first two thirds
# are to train on, the others to test on; both are in the order of the classes.
FILES = {
    1: Path(__file__).with_name("nmnist.npz"),
    2: Path(__file__).with_name("nmnist_2.npz"),
    3: Path(__file__).with_name("nmnist_3.npz"),
}


def load_nmnist(saccade: int = 1) -> Split:
    """Load recordings of N-MNIST: the digits 6 to 9 during one of three saccades of the camera.

    An event camera of 34 × 34 pixels looked at a screen with handwritten digits, and moved a little
    (Orchard et al. 2015, doi:10.3389/fnins.2015.00437). In its image a digit goes down and a bit to
    the right, then up and to the right, then left. These recordings may be passed on under
    CC BY-SA 4.0, with credit.

    Args:
        saccade: 1, 2 or 3.

    Returns:
        Of each digit, 100 recordings of about 95 ms to train on and 50 to test on; of the second
        and of the third saccade 16 and 8.

    Raises:
        ValueError: There is no such saccade.

    Example:
        >>> load_nmnist()
        N-MNIST recordings: 400 to train on, 200 to test on
        >>> load_nmnist(saccade=3)
        N-MNIST recordings: 64 to train on, 32 to test on
    """
    if saccade not in FILES:
        raise ValueError(f"saccade is {saccade!r}; choose 1, 2 or 3")
    columns = np.load(FILES[saccade])
    events = make_events(columns["t"], columns["x"], columns["y"], columns["p"])
    recordings = np.split(events, columns["ends"][:-1])
    for recording in recordings:
        recording["t"] = recording["t"].cumsum()
    targets = columns["targets"]
    n_train = 2 * len(targets) // 3
    train = Recordings(recordings[:n_train], targets[:n_train], CLASSES, SENSOR_SIZE)
    test = Recordings(recordings[n_train:], targets[n_train:], CLASSES, SENSOR_SIZE)
    return Split(train, test, source="N-MNIST")
