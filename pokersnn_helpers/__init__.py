"""Helpers of the POKER-DVS book: recordings, frames, a spiking network, training, plots."""

from .checkpoints import load_checkpoint, save_checkpoint
from .data import (
    PokerDVS,
    cross_validation_folds,
    describe,
    load_pokerdvs,
    one_of_each_suit,
)
from .fast import FastSNN
from .frames import augment, make_loaders, to_frames, to_sparse_frames
from .snn import SNN, Classifier, SNNState, decode
from .training import (
    Evaluation,
    History,
    evaluate,
    fit,
    pick_device,
    train_classifier,
)

__all__ = [
    "SNN",
    "Classifier",
    "Evaluation",
    "FastSNN",
    "History",
    "PokerDVS",
    "SNNState",
    "augment",
    "cross_validation_folds",
    "decode",
    "describe",
    "evaluate",
    "fit",
    "load_checkpoint",
    "load_pokerdvs",
    "make_loaders",
    "one_of_each_suit",
    "pick_device",
    "save_checkpoint",
    "to_frames",
    "to_sparse_frames",
    "train_classifier",
]
