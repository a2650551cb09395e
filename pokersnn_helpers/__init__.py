"""Helpers of the POKER-DVS book. Each module and folder imports only what stands above it here.

system/              what all else stands on: checks, files, compiled loops, devices, Norse

recordings           event recordings of any sensor and any classes
frames               from events to batches of frames
recipe               what training depends on, chosen by the recordings
networks             what a network is, and the loop over time
snn                  the book's network
classifier           from voltages to a class
out_of_distribution  which recordings are unlike all that a classifier was trained on
training             train a classifier by the recipe, test it, ask it about one recording
checkpoints          save a classifier, and load it

simulation/          a simulated event camera, and scenes before it
data/                recordings that are ready: POKER-DVS and N-MNIST
fast/                the book's network in compiled loops: *Making training fast*
elsewhere            the network in other simulators
figures/             what the chapters draw
study/               what *Does it need spikes?* above all measures with
"""

import lazy_loader

from .system.checks import suggestion

_import_lazily, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Import a name's module, as __init__.pyi says, when the name is asked for."""
    try:
        return _import_lazily(name)
    except AttributeError as error:
        if name not in __all__:
            near = suggestion(name, [*__all__])
            raise AttributeError(f"{__name__} has no attribute {name}{near}") from None
        # Python would take it for a name that is missing, and say nothing of what broke beneath.
        raise ImportError(f"{name} can't be imported: {error!r}") from error
