"""Helpers of the POKER-DVS book: the modules of the core, in reading order, and folders beside it.

recordings     event recordings of any sensor and any classes
pokerdvs       the recordings of this book, downloaded or simulated
frames         from events to batches of frames
recipe         what training depends on, chosen by the recordings
networks       what a network is, and the loop over time
snn            the book's network
classifier     from voltages to a class
training       train a classifier by the recipe, test it, ask it about one recording
checkpoints    save a classifier and its training run, and load them
checks         what is refused, in words

system/        what all else stands on: files, compiled loops, devices, processes, Norse

figures/       what the chapters draw
simulation/    a simulated event camera, and scenes before it: chapters 6, 8 and 9
study/         what the chapters on evidence measure with: 7 above all
own/           your own recordings, from a file to an answer while events arrive: chapter 9
fast/          the book's network in compiled loops and CUDA graphs: chapter 10
elsewhere/     the network in other simulators
commands/      python -m pokersnn_helpers
"""

import lazy_loader

_import_lazily, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Import a name's module, as __init__.pyi says, when the name is asked for."""
    try:
        return _import_lazily(name)
    except AttributeError as error:
        if name not in __all__:
            raise
        # Python would take it for a name that is missing, and say nothing of what broke beneath.
        raise ImportError(f"{name} can't be imported: {error!r}") from error
