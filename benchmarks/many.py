"""Many simulated cards in one file: to make them, to train on them, in how much memory."""

import json
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import nll_loss

from pokersnn_helpers import Classifier, FastSNN, augment, build_network, decode, fit, make_loader
from pokersnn_helpers.commands.processes import process_group
from pokersnn_helpers.devices import usable_cores
from pokersnn_helpers.distributed import rank
from pokersnn_helpers.own.stored import StoredRecordings, store_recordings
from pokersnn_helpers.pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import simulate_cards
from pokersnn_helpers.study.losses import events_per_step

from .timing import peak_memory

PROCESSES = (None, 1, 2, 4)  # that torchrun starts; None stands for one without it
SAMPLE = 10  # cards that are made once more, in this process alone


def measure(cards: int = 20_000) -> dict[str, Any]:
    """Measure the time to simulate cards and store them, and epochs on a fourth and on all of them.

    Args:
        cards: How many, at least 4.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, start = Path(folder, "cards.h5"), time.perf_counter()
        made = simulate_cards(cards, processes=usable_cores())
        stored = store_recordings(path, made, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)
        seconds = time.perf_counter() - start
        again = enumerate(simulate_cards(min(cards, SAMPLE)))
        epochs = product((cards // 4, cards), PROCESSES)
        return {
            "cards": cards,
            "simulated_s": seconds,
            "simulating_processes": usable_cores(),
            "same_in_one_process": all(np.array_equal(e, stored.events[n]) for n, (e, _) in again),
            "kb_per_card": path.stat().st_size / 1000 / cards,
            "rows": [measure_epoch(path, *each) for each in epochs],
        }


def measure_epoch(path: Path, cards: int, processes: int | None) -> dict[str, Any]:
    """Measure an epoch on the first cards of a file, in new processes, each card seen once or not.

    Times and peak memory are those of the process that needed most. On a busy computer, look at
    the time on the CPU.
    """
    launcher = [] if processes is None else ["torch.distributed.run", "--standalone"]
    launcher += [f"--nproc-per-node={processes}", "-m"] if launcher else []
    with tempfile.TemporaryDirectory() as folder:
        words = [__name__, str(path), str(cards), folder]
        subprocess.run([sys.executable, "-m", *launcher, *words], check=True, capture_output=True)
        found = [json.loads(each.read_text()) for each in Path(folder).iterdir()]
    events = StoredRecordings(path).subset(range(cards)).events
    expected = sorted(np.diff(events.places)[:, 0].tolist())
    return {
        "cards": cards,
        "torchrun_processes": processes or "none",
        "epoch_s": max(each["seconds"] for each in found),
        "cpu_s": max(each["cpu"] for each in found),
        "peak_memory_gb": max(each["memory"] or 0 for each in found) or None,
        "each_card_once": sorted(n for each in found for n in each["seen"]) == expected,
    }


def train(path: str, cards: str, folder: str) -> None:
    """Train an epoch by the recipe at 1 ms, and write down how long it took and what was seen."""
    recordings, seen = StoredRecordings(path).subset(range(int(cards))), []

    def loss(voltages: torch.Tensor, targets: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        seen.extend(events_per_step(frames).sum(0).int().tolist())  # events of each recording
        return nll_loss(decode(voltages), targets, reduction="none")

    def run(some: StoredRecordings) -> None:
        torch.manual_seed(0)
        classifier = Classifier(build_network(FastSNN))
        loader = make_loader(some, sparse=True, shuffle=True)
        fit(classifier, loader, loss=loss, epochs=1, augment=augment, device="cpu")

    torch.set_num_threads(1)
    with process_group(torch.device("cpu")):
        run(recordings.subset([0]))  # compiles
        seen.clear()
        start, busy = time.perf_counter(), time.process_time()
        run(recordings)
        took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - busy}
        found = {"memory": peak_memory(), "seen": seen, **took}
        Path(folder, f"{rank()}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    train(*sys.argv[1:])
