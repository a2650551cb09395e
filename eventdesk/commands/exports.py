"""The command ``export``, which writes a trained network for where this package isn't."""

from pathlib import Path
from typing import Any

from ..files.folders import in_pixels
from ..trained.c_files import save_c
from ..trained.nir_files import SIMULATORS, save_nir
from ..trained.winners import Trained, load_trained
from .networks import network_named
from .terminal import say


def export(
    checkpoint: Path,
    c: Path | None = None,
    nir: Path | None = None,
    simulator: str = "",
    network: str = "",
    bits: int = 32,
) -> None:
    """Write the network of a checkpoint as a C file or a NIR graph, and say how it is used."""
    if bool(c) == bool(nir):
        raise ValueError("name one file to write: --c FILE or --nir FILE")
    trained = load_trained(checkpoint, "cpu", network and network_named(network))
    classifier: Any = trained.classifier  # one of features is refused
    if c:
        save_c(classifier, c, bits=bits)
        pixels = in_pixels(classifier.sensor_size[:2])
        say(
            f"{c}: compile it with cc -O2 -ffp-contract=off {c} -o network, and give its standard "
            f"input lines t x y p, in microseconds and of {pixels} pixels"
        )
    if nir:
        save_nir(classifier, nir, simulator)
        say(*importing(nir, simulator, classifier))
    say(*preparing(trained))


def importing(path: Path, simulator: str, classifier: Any) -> list[str]:
    """Return the lines of Python that make a network of a NIR file."""
    if not simulator:
        return [
            f"{path}: read it by eventdesk.trained.nir_files.load_nir; --simulator "
            f"{', '.join(SIMULATORS)} writes it for another importer"
        ]
    importer = SIMULATORS[simulator]
    width, height, polarities = classifier.sensor_size
    lines = [
        f"{path}: in Python,",
        f"    import nir, {importer.module}",
        f"    network = {importer.module}.{importer.function}(nir.read({str(path)!r}))",
        "    output, state = network(frame, state)  # state: None where a recording begins",
    ]
    if simulator == "snntorch":
        lines[1] += ", snntorch.utils"
        lines.append("    snntorch.utils.reset(network)  # there, too: it keeps a state of its own")
    return [
        *lines,
        f"frame: events of {1e6 * classifier.snn.dt:g} us, counted in an array (recordings, "
        f"{polarities} x {height} x {width}); output: what spikes add to the readout's currents",
    ]


def preparing(trained: Trained) -> list[str]:
    """Say what has to be done to events of the sensor before the network sees them."""
    size = in_pixels(trained.classifier.sensor_size[:2])
    lines = []
    if trained.sensor and trained.sensor != size:
        lines.append(f"the sensor had {trained.sensor} pixels: bring events to {size} first")
    if trained.share and trained.share < 1:
        lines.append(
            f"it learned from {trained.share:.0%} of the events, drawn at random: push as many"
        )
    return lines
