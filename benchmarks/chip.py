"""The instructions that a network's C file takes on a microcontroller, counted in an emulator.

QEMU runs the code of a Cortex-M4F and counts instructions, the same number each time. It knows
neither cycles, of which a chip takes some more, nor energy. The packages gcc-arm-none-eabi and
qemu-system-arm have what this needs.
"""

import shutil
import subprocess
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy import ndarray

from eventdesk.trained.c_files import save_c
from pokersnn_helpers import Classifier, FastSNN, train_classifier

from . import Row, folds
from .timing import recordings

CC = "arm-none-eabi-gcc"
ROUNDED = "-ffp-contract=off"  # each product, for the spikes of PyTorch
CORTEX_M4F = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
SECTIONS = "-Wl,--entry=main,--section-start=.vectors=0,-Ttext=0x100,-Tdata=0x20000000"
QEMU = ["qemu-system-arm", "-machine", "mps2-an386", "-display", "none", "-icount", "shift=0"]
PRINTS = ["-chardev", "stdio,id=out", "-semihosting-config", "enable=on,target=native,chardev=out"]
CHECK = 2_000_000  # instructions of the loop that chip.c begins with
RECORD = np.dtype([("wait", "<u4"), ("x", "u1"), ("y", "u1"), ("p", "u1"), ("unused", "u1")])
HERE = Path(__file__).parent
SIZES = (100, 20)  # hidden neurons
MANY = 2000  # events of which the mean is taken


@dataclass
class Counted:
    """What the emulator counts of a stream."""

    instructions: int
    told: int  # steps in which a voltage was above the threshold


class Chip:
    """A network that is compiled for the emulated chip, in a folder of its own.

    Args:
        folder: Where to put its files.
        network: Its C file.
        options: Further ones of the compiler.
    """

    def __init__(self, folder: Path, network: Path, *options: str):
        for tool in (CC, QEMU[0]):
            if not shutil.which(tool):
                raise FileNotFoundError(f"there is no {tool}: apt install {CC[4:]} {QEMU[0]}")
        self.folder = folder
        words = [CC, "-O2", *CORTEX_M4F, f'-DNETWORK="{network}"', *options]
        self._run([*words, "-c", str(HERE / "watch.c"), "-o", "watch.o"])
        files = [str(HERE / "chip.c"), "watch.o", "-o", "chip.elf"]
        self._run([*words, "-nostartfiles", SECTIONS, *files])

    def sizes(self) -> tuple[int, int]:
        """Return the bytes of flash and of RAM that the network takes, without its stack."""
        printed = self._run(["arm-none-eabi-size", "watch.o"]).splitlines()[1]
        text, data, bss = map(int, printed.split()[:3])
        return text + data, data + bss

    def count(self, records: ndarray) -> Counted:
        """Feed records, and count instructions from the first event to the last."""
        records.astype(RECORD).tofile(self.folder / "events")
        printed = self._run([*QEMU, *PRINTS, "-kernel", "chip.elf"])
        check, instructions, told = map(int, printed.split())
        if abs(check - CHECK) > CHECK / 1000:
            raise RuntimeError(f"a loop of {CHECK} instructions was counted as {check}")
        return Counted(instructions, told)

    def _run(self, words: list[str]) -> str:
        run = subprocess.run(words, cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True)
        return run.stdout


def to_records(events: ndarray, first_wait: int = 0) -> ndarray:
    """Return the records of events, the first after so many µs."""
    records = np.zeros(len(events), RECORD)
    records["wait"] = np.diff(events["t"], prepend=events["t"][0] - first_wait)
    for name in "xyp":
        records[name] = events[name]
    return records


def steady(number: int, wait: int) -> ndarray:
    """Return the records of a pixel that sends an event every so many µs."""
    records = np.zeros(number, RECORD)
    records["wait"] = wait
    return records


def mean_count(chip: Chip, wait: int) -> float:
    """Return the mean instructions per event of a pixel that sends one every so many µs."""
    few, many = (chip.count(steady(number, wait)).instructions for number in (MANY, 2 * MANY))
    return (many - few) / MANY


def count_all(classifier: Classifier, cards: list[ndarray]) -> dict[str, float]:
    """Count what a trained network takes, by what happens."""
    silent = deepcopy(classifier)  # never spikes, and computes the same
    silent.snn.scale_input_weights(0)
    with TemporaryDirectory() as folder:
        chip = exported(classifier, Path(folder))
        flash, ram = chip.sizes()
        shown = np.concatenate([to_records(events, 1_000_000) for events in cards])
        per_card = chip.count(shown).instructions / len(cards)
        chip = exported(silent, Path(folder))
        event = mean_count(chip, 0)
        return {
            "flash (bytes)": flash,
            "RAM (bytes)": ram,
            "per event": event,
            "per step without a spike": mean_count(chip, 1000) - event,
            "per second with nothing": mean_count(chip, 1_000_000) - event,
            "per hour with nothing": mean_count(chip, 3_600_000_000) - event,
            "per card": per_card,
        }


def exported(classifier: Classifier, folder: Path) -> Chip:
    """Write the C file of a network, and compile it for the chip."""
    save_c(classifier, folder / "network.c")
    return Chip(folder, folder / "network.c", ROUNDED)


def measure(seeds: int = 3, epochs: int | None = None) -> Row:
    """Train the book's network and a smaller one on Tonic's 48 recordings, and count.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other weights.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per network and number, of instructions where it isn't said to be of bytes; cards are
        the 20 test recordings, a second apart.
    """
    data = recordings()
    rows = []
    for size in SIZES:
        of_seeds = []
        for seed in range(seeds):
            classifier, _ = train_classifier(
                data.train, seed=seed, network=FastSNN, hidden_size=size, epochs=epochs
            )
            of_seeds.append(count_all(classifier, list(data.test.events)))
        for number in of_seeds[0]:
            values = [counted[number] for counted in of_seeds]
            rows.append({"network": f"SNN, {size}", "number": number} | folds.spread(values))
    about = "an emulator, QEMU's mps2-an386 (Cortex-M4F): instructions, neither cycles nor joules"
    return {"counted by": about, "check": "a loop of 2,000,000", "seeds": seeds, "rows": rows}
