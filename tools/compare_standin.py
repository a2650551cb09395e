"""Compare the stand-in with the real recordings: python tools/compare_standin.py [SEEDS].

Prints medians side by side, then how well networks carry over from one to the other.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pokersnn_helpers import PokerDVS, describe, evaluate, load_pokerdvs, make_loaders
from pokersnn_helpers.data import read_recordings
from pokersnn_helpers.standin import write_standin
from pokersnn_helpers.training import train_classifier


def standin(seed: int) -> PokerDVS:
    with tempfile.TemporaryDirectory() as folder:
        write_standin(Path(folder), seed=seed)
        return PokerDVS(*read_recordings(Path(folder)), source="standin")


def accuracy(trained_on: PokerDVS, tested_on: PokerDVS, seed: int) -> tuple[int, int]:
    """Train by the book's recipe; return how many recordings of the other set are named right."""
    classifier, _ = train_classifier(trained_on, seed=seed, device="cpu")
    right = 0
    for loader in make_loaders(tested_on, batch_size=32):
        evaluation = evaluate(classifier, loader, device="cpu")
        right += int((evaluation.predicted == evaluation.targets).sum())
    return right, len(tested_on.train) + len(tested_on.test)


def main(seeds: int) -> None:
    real = load_pokerdvs(source="real")
    tables = {"real": describe(real), "stand-in": describe(standin(0))}
    medians = {
        name: table.drop(columns="set").groupby("suit").median() for name, table in tables.items()
    }
    print(pd.concat(medians).swaplevel().sort_index().round(2).to_string(), "\n")
    shares = []
    for seed in range(seeds):
        right, count = accuracy(standin(seed), real, seed)
        shares.append(right / count)
        print(f"seed {seed}: trained on the stand-in, {right} of {count} real recordings right")
    print(f"mean {np.mean(shares):.1%}, lowest {min(shares):.1%}")
    unseen = standin(0)
    right, count = accuracy(real, replace(unseen, train=unseen.test), seed=0)
    print(f"trained on the real set, {right // 2} of {count // 2} of the stand-in's test set right")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
