from .data.nmnist import load_nmnist
from .data.pokerdvs import load_pokerdvs, load_pokerdvs131
from .events.frames import augment, make_loader, make_loaders, to_frames
from .events.recordings import (
    Recordings,
    Split,
    first_of_each_class,
    stratified_folds,
)
from .fast import FastSNN
from .networks.classifier import Classifier, decode
from .networks.initial_network import build_network
from .networks.snn import SNN
from .networks.spiking_network import SpikingNetwork, record_states
from .system.checks import EVENT_DTYPE
from .system.devices import default_device
from .training.checkpoints import load_checkpoint, save_checkpoint
from .training.evaluation import evaluate, predict
from .training.fit import fit
from .training.train import train_classifier

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
