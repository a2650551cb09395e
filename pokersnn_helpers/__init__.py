"""Helpers of the POKER-DVS book. In reading order, eleven core files and three wings.

recordings     event recordings of any sensor and any classes
pokerdvs       the POKER-DVS recordings, downloaded or simulated; pokerdvs131: all of them
frames         from events to batches of frames
snn            spiking networks: the loop over time, and the book's network
training       train a classifier, test it, ask it about one recording
recipe         the book's way to train, every number an argument
baselines      ordinary models, and folds that keep together what was recorded together
operations     what an answer costs, counted; energy: what that may take
latency        when a network knows, training for early answers, and rare spikes
changes        recordings with something taken away, added or moved
checkpoints    save a classifier and its training run, and load them
fast/          the book's network in compiled loops and CUDA graphs
simulation/    a simulated event camera, and playing cards before it
figures/       plots, animations and interactive figures

checks, files and distributed serve them: what is refused, files written whole, several processes.
"""

from .checkpoints import load_checkpoint, save_checkpoint
from .checks import EVENT_DTYPE
from .distributed import default_device
from .fast import FastSNN
from .frames import augment, make_loader, make_loaders, to_frames, to_sparse_frames
from .pokerdvs import load_pokerdvs
from .pokerdvs131 import load_pokerdvs131
from .recipe import build_network, train_classifier
from .recordings import (
    Recordings,
    Split,
    first_of_each_class,
    read_events,
    recording_statistics,
    stratified_folds,
)
from .snn import SNN, Classifier, SNNState, SpikingNetwork, decode
from .training import Evaluation, History, evaluate, fit, predict

__all__ = [
    "EVENT_DTYPE",
    "SNN",
    "Classifier",
    "Evaluation",
    "FastSNN",
    "History",
    "Recordings",
    "SNNState",
    "SpikingNetwork",
    "Split",
    "augment",
    "build_network",
    "decode",
    "default_device",
    "evaluate",
    "first_of_each_class",
    "fit",
    "load_checkpoint",
    "load_pokerdvs",
    "load_pokerdvs131",
    "make_loader",
    "make_loaders",
    "predict",
    "read_events",
    "recording_statistics",
    "save_checkpoint",
    "stratified_folds",
    "to_frames",
    "to_sparse_frames",
    "train_classifier",
]
