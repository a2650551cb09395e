"""Compare the stand-in with the real recordings: python tools/compare_standin.py [SEEDS].

Prints the statistics of all real recordings beside those of 400 simulated ones, how well a small
classifier tells the two apart, and how well networks carry over from one to the other.
"""

import sys

import numpy as np
import pandas as pd

from pokersnn_helpers import FastSNN, PokerDVS, evaluate, load_pokerdvs, make_loaders
from pokersnn_helpers.comparison import compare, summarise, tell_apart
from pokersnn_helpers.data import load_standin
from pokersnn_helpers.training import Classifier, train_classifier

MANY = 400  # simulated recordings to compare, and to train on
EPOCHS = 12  # over them; about as many steps as 60 epochs over the 48 real ones, and half as much


def report_statistics(real: pd.DataFrame, simulated: pd.DataFrame) -> None:
    """Print medians side by side, and how many are close."""
    table = compare(real, simulated)
    print(table.round(3).to_string(), "\n")
    print_closeness("simulated against real", table)
    halves = [real[real["set"] == name] for name in ("train", "test")]
    print_closeness("real test against real training recordings", compare(*halves))
    others = compare(summarise(load_standin(2)), simulated)
    print_closeness("68 other simulated recordings against the simulated ones", others)
    chances = [tell_apart(real, simulated, seed) for seed in range(10)]
    print(f"told apart with a balanced accuracy of {np.mean(chances):.1%}\n")


def print_closeness(name: str, table: pd.DataFrame) -> None:
    """Count what the comparison finds close."""
    close = (table["ratio"] - 1).abs() <= 0.15
    alike = table["overlap"] >= 0.7
    print(
        f"{name}: {close.sum()} of {len(table)} medians within 15%, "
        f"{alike.sum()} of {len(table)} spreads overlap by at least 70%"
    )


def named_right(classifier: Classifier, data: PokerDVS, parts: slice) -> tuple[int, int]:
    """Count right answers about the training (first) and test (second) part of a set."""
    evaluations = [evaluate(classifier, part) for part in make_loaders(data, 32)[parts]]
    right = sum(int((found.predicted == found.targets).sum()) for found in evaluations)
    return right, sum(len(found.targets) for found in evaluations)


def main(seeds: int) -> None:
    """Print everything."""
    real = load_pokerdvs(source="real")
    report_statistics(summarise(real), summarise(load_standin(1, MANY)))
    there, back = [], []
    for seed in range(seeds):
        classifier, _ = train_classifier(
            load_standin(100 + seed, MANY), seed, epochs=EPOCHS, network=FastSNN
        )
        right, count = named_right(classifier, real, slice(2))
        there.append(right / count)
        print(
            f"seed {seed}: trained on simulated cards, {right} of {count} real ones right; ", end=""
        )
        classifier, _ = train_classifier(real, seed, network=FastSNN)
        right, count = named_right(classifier, load_standin(seed), slice(1, 2))
        back.append(right / count)
        print(f"trained on real ones, {right} of {count} simulated ones right", flush=True)
    print(f"simulated to real: mean {np.mean(there):.1%}, lowest {min(there):.1%}")
    print(f"real to simulated: mean {np.mean(back):.1%}, lowest {min(back):.1%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
