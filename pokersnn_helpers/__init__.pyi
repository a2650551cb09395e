from .checkpoints import load_checkpoint, save_checkpoint
from .classifier import Classifier, decode
from .data.nmnist import load_nmnist
from .data.pokerdvs import load_pokerdvs, load_pokerdvs131
from .fast import FastSNN
from .frames import augment, make_loader, make_loaders, to_frames
from .networks import SpikingNetwork, record_states
from .recordings import (
    Recordings,
    Split,
    first_of_each_class,
    stratified_folds,
)
from .snn import SNN, build_network
from .system.checks import EVENT_DTYPE
from .system.devices import default_device
from .training import evaluate, fit, predict, train_classifier

__all__ = [
    "EVENT_DTYPE",
    "SNN",
    "Classifier",
    "FastSNN",
    "Recordings",
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
    "load_nmnist",
    "load_pokerdvs",
    "load_pokerdvs131",
    "make_loader",
    "make_loaders",
    "predict",
    "record_states",
    "save_checkpoint",
    "stratified_folds",
    "to_frames",
    "train_classifier",
]
