"""N-MNIST's digits 6 to 9: real recordings that come with the package.

``nmnist.txt`` says whose they are, under which licence, and how they were chosen.
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from ..checks import EVENT_DTYPE
from ..recordings import Recordings, Split

CLASSES, SENSOR_SIZE = ("6", "7", "8", "9"), (34, 34, 2)
TRAIN = 400  # recordings, then those to test on; both in the order of the classes
# Columns of all events: t, the time in µs since the one before, x, y and p. Of each recording:
# ends, the number of the event behind its last one, and targets.
FILE = Path(__file__).with_name("nmnist.npz")
SHA256 = "6ff01d38960f3c27001f73c1386b6846f36ddb41a86324874abbf465e769f453"


def load_nmnist() -> Split:
    """Load 600 recordings of N-MNIST: the digits 6 to 9 during the first saccade of the camera.

    An event camera of 34 × 34 pixels looked at a screen with handwritten digits, and moved a little
    (Orchard et al. 2015, doi:10.3389/fnins.2015.00437). These recordings may be passed on under
    CC BY-SA 4.0, with credit.

    Returns:
        Of each digit, 100 recordings of about 95 ms to train on and 50 to test on.

    Raises:
        FileNotFoundError: The file isn't where the package was installed.
        ValueError: The file isn't the one that belongs to the package.

    Example:
        >>> load_nmnist()
        N-MNIST recordings: 400 to train on, 200 to test on
    """
    if not FILE.is_file():
        raise FileNotFoundError(f"{FILE} is missing; install the package again")
    content = FILE.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        about = f"{FILE} is damaged, or another file: its SHA-256 is {found}, not {SHA256}"
        raise ValueError(f"{about}; install the package again")
    columns = np.load(io.BytesIO(content))
    events = np.empty(len(columns["t"]), EVENT_DTYPE)
    for field in "txyp":
        events[field] = columns[field]
    recordings, targets = np.split(events, columns["ends"][:-1]), columns["targets"]
    for recording in recordings:
        recording["t"] = recording["t"].cumsum()
    train, test = (
        Recordings(recordings[part], targets[part], CLASSES, SENSOR_SIZE)
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    return Split(train, test, source="N-MNIST")
