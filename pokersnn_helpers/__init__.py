"""Helpers of the POKER-DVS book: eight modules that are the core, and folders beside it.

recordings     event recordings of any sensor and any classes
pokerdvs       the recordings of this book, downloaded or simulated
frames         from events to batches of frames
snn            spiking networks: the loop over time, the book's network, and a classifier
training       train a classifier by the book's recipe, test it, ask it about one recording
checkpoints    save a classifier and its training run, and load them
checks         what is refused, in words; files: written whole or not at all

figures/       what the chapters draw
simulation/    a simulated event camera, and scenes before it: chapters 6, 8 and 9
study/         what the chapters on evidence measure with: 7 above all
own/           your own recordings, from a file to an answer while events arrive: chapter 9
fast/          the book's network in compiled loops and CUDA graphs: chapter 10
elsewhere/     the network in other simulators
commands/      python -m pokersnn_helpers
"""

import warnings

import lazy_loader

# Norse 1.1.0 uses torch.jit.script, of which PyTorch warns from 2.14 on.
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)

# A name's module, as __init__.pyi says, is imported when the name is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
