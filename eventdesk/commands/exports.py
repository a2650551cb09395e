"""The command ``export``, which writes a trained network for machines without Python."""

from pathlib import Path
from typing import Any

from ..files.folders import in_pixels
from ..trained.c_files import save_c
from ..trained.winners import load_trained
from .networks import network_named
from .terminal import say


def export(checkpoint: Path, c: Path, network: str = "", bits: int = 32) -> None:
    """Write the network of a checkpoint as a C file, and say how it is compiled and fed."""
    trained = load_trained(checkpoint, "cpu", network and network_named(network))
    classifier: Any = trained.classifier  # one of features is refused
    save_c(classifier, c, bits=bits)
    size = in_pixels(trained.classifier.sensor_size[:2])
    say(
        f"{c}: compile it with cc -O2 -ffp-contract=off {c} -o network, and give its standard "
        f"input lines t x y p, in microseconds and of {size} pixels"
    )
    if trained.sensor and trained.sensor != size:
        say(f"the sensor had {trained.sensor} pixels: bring events to {size} before you push them")
    if trained.share and trained.share < 1:
        say(f"it learned from {trained.share:.0%} of the events, drawn at random: push as many")
