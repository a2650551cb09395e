"""Helpers of the POKER-DVS book: what its chapters type or call.

Each folder imports only what stands above it here:

system/      what all else stands on: checks, warnings, files, devices, compiled loops, Norse
events/      event recordings of any sensor, and batches of frames
networks/    what a network is, the book's network, and how voltages become a class
fast/        the book's network in compiled loops
training/    train a classifier by the recipe, test it, save it
simulation/  a simulated event camera, and scenes before it
data/        recordings that are ready: POKER-DVS and N-MNIST
page/        what a page expects, advice on errors, and stored measurements
figures/     what the chapters draw
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
