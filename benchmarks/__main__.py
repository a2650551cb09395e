"""Measure how fast training is and how well it succeeds.

To compare two commits, check the other one out (git worktree add ../before COMMIT), run the same
benchmark in both folders in turn, three times each, and compare medians: a difference that is no
larger than that between runs of one folder is noise.
"""

import argparse
import importlib
import inspect
import json
from collections.abc import Callable, Sequence

from pokersnn_helpers.page.measured import names as stored
from pokersnn_helpers.page.measured import read

from . import Row, store
from .timing import finite, report, setting

# Name: the module of its function measure_NAME (or just measure), and what it measures.
BENCHMARKS = {
    "step": ("networks", "one training step by network and library, at bins of 1 and 0.1 ms"),
    "accuracy": (
        "accuracy",
        "models with and without spikes on all 131 recordings, by grouped folds",
    ),
    "dealt": ("curve", "networks with and without spikes, card passes dealt out at random"),
    "curve": ("curve", "accuracy and operations of networks with 4 to 100 units"),
    "digits": ("curve", "the same of a second set, digits of N-MNIST, with groups of ten"),
    "panel": ("panel", "simple rules and models, on the trials of the pages' networks"),
    "changes": ("accuracy", "a GRU on changed recordings, trained on them or not"),
    "nested": ("accuracy", "the best SNN on cards, its setting chosen by inner folds"),
    "motions": ("motions", "which way random dots move, by the networks of When time decides"),
    "wall": ("wall", "which way walls of real digits move, by such networks and by the panel"),
    "delays": ("learned", "known delays, learned: how often they are found within a step"),
    "learned": ("learned", "learned time constants and delays, where time decides or not"),
    "ranges": ("motions", "faster, slower, fewer and noisier dots than a network has learned from"),
    "unknown": ("unknown", "a class that was never learned, flagged as predict does"),
    "compare": (
        "compare",
        "verdict, time and memory of compare on digits and gestures",
    ),
    "known_sets": ("compare", "what compare and other ways say of sets of known truth"),
    "winners": ("compare", "what compare hands over on new recordings; train on new people"),
    "scale": ("scale", "minutes and memory of the desk for a folder of 20,000 recordings"),
    "operations": ("operations", "operations and energy of an answer by model"),
    "latency": ("latency", "when networks know the suit of all 131 recordings, by grouped folds"),
    "card": ("latency", "when the landing page's network knows the suit of simulated cards"),
    "sparse": ("latency", "spikes, additions and accuracy by penalty on the rate and by pruning"),
    "lines": ("lines", "what each line added to the plain loop is worth, on held-out folds"),
    "gradients": ("gradients", "a gradient's factor per step back through time, and clipping"),
    "readers": ("readers", "what evlib, evt3 and faery read in the same files"),
    "simulation": ("simulation", "how well simulated recordings can be told from real ones"),
    "fit": ("fitting", "the simulated camera, fitted anew to 48 recordings, by what it didn't see"),
    "elsewhere": ("elsewhere", "the same network in other simulators: its spikes and gradients"),
    "bits": ("bits", "2 bits per weight, by grouped folds"),
    "coverage": ("coverage", "how often intervals of 95 % hold the true accuracy, by simulation"),
    "always_on": ("always_on", "cards in hours of noise: what is found, and what it takes"),
    "chip": ("chip", "instructions of the C file on an emulated microcontroller"),
    "teach": ("teach", "what the page Teach it yours learns in a browser, and how long it takes"),
    "variety": ("simulation", "as many simulated cards, varied or not, and a logistic regression"),
    "passes": ("simulation", "cards of other passes and upside-down ones, by what is trained on"),
}

OPTIONS = {
    "repeats": "timed runs, of which the median counts",
    "seeds": "networks to train, with seeds 0, 1, ...",
    "epochs": "to train for, in place of each network's own",
    "minutes": "of a stream that stand for an hour",
    "recordings": "simulated ones to train on, or to ask about",
}

SOURCE = "it returns recordings of your own and a group for each, in place of the cards"


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def command_line() -> argparse.ArgumentParser:
    """Return what the command understands."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: list the names")
    parser.add_argument("--json", action="store_true", help="print a JSON object per name")
    parser.add_argument("--write", action="store_true", help="keep the result for the book's pages")
    parser.add_argument("--compare", action="store_true", help="fail if a kept mean has changed")
    for option, text in OPTIONS.items():
        parser.add_argument(f"--{option}", type=positive, help=text)
    parser.add_argument("--source", metavar="FILE.py:FUNCTION", help=SOURCE)
    return parser


def function_of(name: str) -> Callable[..., Row]:
    """Return the function that measures."""
    module = importlib.import_module(f".{BENCHMARKS[name][0]}", __package__)
    return getattr(module, f"measure_{name}", None) or module.measure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print it.

    Raises:
        SystemExit: A word can't be used, or a stored mean lies outside the interval that was
            measured now.
    """
    parser = command_line()
    words = parser.parse_args(arguments)
    options = {}
    for option in [*OPTIONS, "source"]:
        value = getattr(words, option)
        if value:
            options[option] = value
    for name in words.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name}; choose from {', '.join(BENCHMARKS)}")
        known = inspect.signature(function_of(name)).parameters
        for option in options:
            if option not in known:
                parser.error(f"{name} takes no --{option}")
        if words.compare and name not in stored():
            parser.error(f"{name} hasn't been kept; --write keeps it")
    if words.source and (words.write or words.compare):
        parser.error("what is kept for the book's pages is measured on its cards: omit --source")
    if words.compare:
        store.require_real()
    # Of the code that is imported now, whatever changes while it measures.
    commit = store.clean_commit() if words.write else ""
    if not words.names:
        print("\n".join(f"{name:12}{about}" for name, (_, about) in BENCHMARKS.items()))
    elif not words.json:
        print(report(setting()), flush=True)
    changed = []
    for name in words.names:
        result = function_of(name)(**options)
        if words.write:
            command = [f"--{option} {value}" for option, value in options.items()]
            store.write(name, command, result, commit)
        if words.compare:
            changed += store.outside(read(name)["result"], result)
        if words.json:
            document = {"name": name, "setting": setting(), "result": result}
            print(json.dumps(finite(document), allow_nan=False), flush=True)
        else:
            print(f"\n{name}: {BENCHMARKS[name][1]}\n{report(result)}", flush=True)
    if changed:
        raise SystemExit("kept means outside the new interval:\n" + "\n".join(changed))


if __name__ == "__main__":
    main()
