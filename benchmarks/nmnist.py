"""Digits of N-MNIST, by a CNN on the sum and by spiking networks, as in chapter 8.

Bins and the convolutional network's numbers were chosen by folds of the 1,000, with seed 0.
"""

import os
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from torch import Tensor, nn

from eventdesk.files.camera_files import read_bin
from pokersnn_helpers import SNN, FastSNN, Recordings, build_network
from pokersnn_helpers.data.nmnist import CLASSES, SENSOR_SIZE
from pokersnn_helpers.networks import WHOLE, SpikingNetwork
from pokersnn_helpers.study.estimators import NetworkEstimator
from pokersnn_helpers.study.models import CNN
from pokersnn_helpers.study.protocol import Evidence

from . import Row, folds

ARCHIVE = "nmnist_6789.tar.gz"  # in the folder that POKERSNN_DATA names
FIRST_SACCADE = 100_000  # µs, up to its end


def read_digits(
    archive: str | Path, begin: int = 0, end: int = FIRST_SACCADE
) -> dict[str, list[ndarray]]:
    """Return the events of each file in some time in µs, by digit and in the order of the names."""
    recordings: dict[str, list[ndarray]] = {digit: [] for digit in CLASSES}
    with tarfile.open(archive) as tar:
        for name in sorted(tar.getnames()):
            if name.endswith(".bin"):
                events, _ = read_bin(tar.extractfile(name).read())  # type: ignore[union-attr]
                digit = name.split("/")[-2]
                first, after = np.searchsorted(events["t"], [begin, end])
                recordings[digit].append(events[first:after])
    return recordings


class ConvolutionalSNN(SpikingNetwork):
    """The network that chapter 8 types: two convolutions in front of the book's network."""

    def __init__(self, output_size: int = 4, dt: float = 0.010):
        super().__init__()
        self.dt = dt
        self.filters = nn.Sequential(
            nn.Conv2d(2, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(4),
            nn.Dropout(0.3),
        )
        self.snn = build_network(
            SNN,
            time_window=1e6 * dt,
            sensor_size=(4, 4, 32),
            output_size=output_size,
            readout_tau_syn=0.010,  # s
            readout_tau_mem=0.020,
        )

    def step(self, frame: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Compute one time step, from a frame (B, 2, height, width)."""
        return self.snn.step(self.filters(frame), state)


SHIFT: dict[str, Any] = {"augment": "shift"}
MODELS: dict[str, Any] = {
    "CNN on the sum": NetworkEstimator(CNN, time_window=WHOLE, clip_norm=None, **SHIFT),
    "SNN, book's recipe": NetworkEstimator(FastSNN, time_window=5000, **SHIFT),
    "SNN behind a convolution": NetworkEstimator(
        ConvolutionalSNN, time_window=10_000, epochs=30, learning_rate=0.002, **SHIFT
    ),
}


def measure_nmnist1000(seeds: int = 5, epochs: int | None = None) -> Row:
    """Classify the 1,000 recordings that those of ``load_nmnist`` were chosen from, by three folds.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of each network's own.
    """
    recordings = thousand()
    digits = Evidence(recordings, range(len(recordings)))
    answers = folds.answers(folds.for_epochs(MODELS, epochs), range(seeds), digits)
    return {
        "folds": 3,
        "recordings": len(recordings),
        "seeds": seeds,
        "rows": folds.accuracy_rows(answers, digits),
    }


@cache
def thousand() -> Recordings:
    """Return the first saccade of every recording of the archive."""
    path = Path(os.environ.get("POKERSNN_DATA", "."), ARCHIVE)
    if not path.is_file():
        raise SystemExit(f"there is no {path}; tools/make_nmnist.py says what it holds")
    events = []
    targets = []
    for target, recordings in enumerate(read_digits(path).values()):
        events += recordings
        targets += len(recordings) * [target]
    return Recordings(events, targets, CLASSES, SENSOR_SIZE)
