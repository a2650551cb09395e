"""Measure how fast training is and how well it succeeds.

To compare two commits, check the other one out (git worktree add ../before COMMIT), run the same
benchmark in both folders in turn, three times each, and compare medians: a difference that is no
larger than that between runs of one folder is noise.
"""

import argparse
import importlib
import inspect
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pokersnn_helpers.study.measured import names as stored

from . import store
from .timing import finite, report, setting

# Name: the module of its function measure_NAME (or just measure), and what it measures.
BENCHMARKS = {
    "step": ("networks", "one training step by network and library, at bins of 1 and 0.1 ms"),
    "widths": ("widths", "own recordings in bins of 1 to 10 ms: last epoch, best epoch"),
    "settle": ("batches", "silence after the last event: accuracy by its duration, on inner folds"),
    "batches": ("batches", "is an answer the same alone, in any batch and in a stream?"),
    "accuracy": ("accuracy", "every model of chapter 7 on all 131 recordings, by grouped folds"),
    "changes": ("accuracy", "networks of chapter 7 on changed recordings, trained on them or not"),
    "direction": ("accuracy", "forwards or backwards? models that tell a recording's direction"),
    "trials": ("accuracy", "settings tried for the models that chapter 7 adds, on the 48"),
    "nested": ("accuracy", "the best SNN of chapter 7, its setting chosen by inner folds"),
    "motions": ("motions", "which way random dots move, by every network of chapter 6"),
    "nmnist": ("nmnist", "digits of N-MNIST, 200 by what has learned from 400 (chapter 9)"),
    "nmnist1000": ("nmnist", "the same on 1,000, by folds; needs the archive of load_nmnist"),
    "compare": ("compare", "time, memory and verdict of compare: digits, gestures and films"),
    "operations": ("operations", "operations and energy of an answer by model and bin width"),
    "latency": ("latency", "when networks know the suit of all 131 recordings, by grouped folds"),
    "sparse": ("latency", "spikes, additions and accuracy by penalty on the rate and by pruning"),
    "constants": ("lines", "the recipe with other time constants, on held-out folds"),
    "lines": ("lines", "what each line added to the plain loop is worth, on held-out folds"),
    "stream": ("stream", "events per second and time to an answer of a stream, and is it exact?"),
    "simulation": ("simulation", "how close simulated recordings are; does training carry over?"),
    "elsewhere": ("elsewhere", "the same network in other simulators: spikes that differ, and why"),
    "bits": ("bits", "8, 4 and 2 bits per weight, and thresholds that differ, by grouped folds"),
    "teach": ("teach", "what the page Teach it yours learns in a browser, and how long it takes"),
    "passes": ("simulation", "cards of other passes and upside-down ones, by what is trained on"),
}


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def command_line() -> argparse.ArgumentParser:
    """Return what the command understands."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", argument_default=argparse.SUPPRESS, description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: list the names")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, one line per name and summary"
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--write", action="store_true", help="keep the result for the book's pages")
    either.add_argument(
        "--compare", action="store_true", help="fail if a kept mean is outside the new interval"
    )
    parser.add_argument("--repeats", type=positive, help="timed runs, of which the median counts")
    parser.add_argument("--seeds", type=positive, help="networks to train, with seeds 0, 1, ...")
    browsers = ("chromium", "firefox")
    parser.add_argument("--browser", choices=browsers, help="where teach trains (chromium)")
    return parser


def function_of(name: str) -> Callable[..., dict[str, Any]]:
    """Return the function that measures."""
    module = importlib.import_module(f".{BENCHMARKS[name][0]}", __package__)
    return getattr(module, f"measure_{name}", None) or module.measure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, and print it.

    Raises:
        SystemExit: A word can't be used, or a stored mean lies outside the interval that was
            measured now.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal can't print becomes \u....
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = command_line()
    options = vars(parser.parse_args(arguments))
    names, as_json = options.pop("names", []), options.pop("json", False)
    keep, compare = options.pop("write", False), options.pop("compare", False)
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {min(unknown)}; choose from {', '.join(BENCHMARKS)}")
    for name in names:
        if other := options.keys() - inspect.signature(function_of(name)).parameters.keys():
            parser.error(f"{name} takes no --{min(other)}")
        if compare and name not in stored():
            parser.error(f"{name} hasn't been kept; --write keeps it")
    if compare:
        store.require_real()
    # Of the code that is imported now, whatever changes while it measures.
    commit = store.clean_commit() if keep else ""
    if not names:
        print("\n".join(f"{name:12}{about}" for name, (_, about) in BENCHMARKS.items()))
    elif not as_json:
        print(report(setting()), flush=True)
    failed = []
    for name in names:
        result = function_of(name)(**options)
        if keep:
            words = [f"--{key} {value}" for key, value in options.items()]
            store.write(name, words, result, commit)
        if compare:
            failed += store.outside(name, result)
        if as_json:
            whole = {"name": name, "setting": setting(), "result": result}
            for line in filter(None, (whole, result.get("summary"))):
                print(json.dumps(finite(line), allow_nan=False), flush=True)
        else:
            print(f"\n{name}: {BENCHMARKS[name][1]}\n{report(result)}", flush=True)
    if failed:
        raise SystemExit("kept means outside the new interval:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
