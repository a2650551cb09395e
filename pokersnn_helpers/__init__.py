"""Helpers of the POKER-DVS book. In reading order, fifteen core files and four wings.

event_files    events from files of NumPy, text and event cameras; inspection: what is odd in them
recordings     event recordings of any sensor and any classes
pokerdvs       the POKER-DVS recordings, downloaded or simulated; pokerdvs131: all of them
folders        a folder of recordings, of any sensor; stored: many recordings in one file
frames         from events to batches of frames
snn            spiking networks: the loop over time, and the book's network
training       train a classifier, test it, ask it about one recording
recipe         the book's way to train, every number an argument
streaming      ask a classifier while events arrive; live: from a file or a camera
checkpoints    save a classifier and its training run, and load them
nir_files      save the network so that other simulators can read it
fast/          the book's network in compiled loops and CUDA graphs
simulation/    a simulated event camera, and cards, motions and gestures before it
study/         what the chapters on evidence measure with
figures/       plots, animations and interactive figures

checks, files, compiled, camera_files, distributed and terminal serve them: what is refused, files
written whole, loops compiled, bytes of cameras decoded, several processes, what a command prints.
"""

import warnings

# Norse 1.1.0 uses torch.jit.script, of which PyTorch warns from 2.14 on.
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)

from .checkpoints import load_checkpoint, save_checkpoint
from .checks import EVENT_DTYPE
from .distributed import default_device
from .event_files import read_event_file, read_events
from .fast import FastSNN
from .folders import load_folder
from .frames import augment, make_loader, make_loaders, to_frames, to_sparse_frames
from .inspection import inspect_file
from .nir_files import load_nir, save_nir
from .pokerdvs import load_pokerdvs
from .pokerdvs131 import load_pokerdvs131
from .recipe import build_network, train_classifier
from .recordings import (
    Recordings,
    Split,
    first_of_each_class,
    recording_statistics,
    stratified_folds,
)
from .snn import SNN, Classifier, FrameNetwork, SNNState, SpikingNetwork, decode
from .stored import StoredRecordings, store_recordings
from .streaming import Stream
from .training import Evaluation, History, evaluate, fit, predict

__all__ = [
    "EVENT_DTYPE",
    "SNN",
    "Classifier",
    "Evaluation",
    "FastSNN",
    "FrameNetwork",
    "History",
    "Recordings",
    "SNNState",
    "SpikingNetwork",
    "Split",
    "StoredRecordings",
    "Stream",
    "augment",
    "build_network",
    "decode",
    "default_device",
    "evaluate",
    "first_of_each_class",
    "fit",
    "inspect_file",
    "load_checkpoint",
    "load_folder",
    "load_nir",
    "load_pokerdvs",
    "load_pokerdvs131",
    "make_loader",
    "make_loaders",
    "predict",
    "read_event_file",
    "read_events",
    "recording_statistics",
    "save_checkpoint",
    "save_nir",
    "store_recordings",
    "stratified_folds",
    "to_frames",
    "to_sparse_frames",
    "train_classifier",
]
