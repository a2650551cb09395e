"""What ``test_command.py`` lets ``torchrun`` start: each process leaves what it found in a folder.

Processes take seconds to start, so the same ones do one thing after the other.
"""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from tonic.collation import PadTensors
from torch.utils.data import DataLoader

from pokersnn_helpers import SNN, Classifier, augment, decode, fit
from pokersnn_helpers.commands import train
from pokersnn_helpers.commands.main import main as run
from pokersnn_helpers.study.models import FrameMLP

TRAIN = ["train", "--time-window", "5000", "--device", "cpu"]
CLIP_NORMS = (None, 0.01)  # gradients as they are, and all shortened
BATCHES = (5, 2, 1)  # of two processes' shards: 3 and 2, 1 and 1, 1 and none


def train_on_uneven_batches(clip_norm):
    """Train in float64, by plain steps along the gradient; return the outcome."""
    torch.manual_seed(0)
    classifier = Classifier(SNN(hidden_size=20), settle=0).double()
    batches = []
    for size in BATCHES:
        frames = torch.poisson(torch.full((9, size, 2, 35, 35), 0.05))
        batches.append((frames.double(), torch.arange(size) % 4))
    saved = []
    history = fit(
        classifier,
        batches,
        batches,
        epochs=2,
        clip_norm=clip_norm,
        ema_decay=0.5,
        augment=augment,
        optimizer=torch.optim.SGD(classifier.parameters(), 0.1),
        device="cpu",
        on_epoch_end=lambda average, state: saved.append(len(state.history["loss"])),
    )
    return {
        "weights": torch.cat([weights.detach().flatten() for weights in classifier.parameters()]),
        "losses": torch.tensor(history.loss, dtype=torch.float64),
        "accuracy": history.accuracy,
        "evaluated": len(history.test_loss),
        "saved": saved,
    }


def train_with_dropout():
    """Train on nine recordings, shuffled; return which ones each epoch showed, and the masks."""
    torch.manual_seed(0)
    seen = [[], []]
    masks = []
    network = FrameMLP((4, 4, 2), 9, hidden_size=50)

    def keep_mask(module, given, output):
        if module.training:
            masks.append(output[0, :1] != 0)

    def note(voltages, targets, frames, steps):
        epoch = 0 if len(masks) <= 3 else 1
        seen[epoch].extend(targets.tolist())
        return torch.nn.functional.nll_loss(decode(voltages), targets, reduction="none")

    network.dropout.register_forward_hook(keep_mask)
    classifier = Classifier(network, classes=tuple("abcdefghi"), sensor_size=(4, 4, 2))
    items = [(torch.ones(3, 2, 4, 4), number) for number in range(9)]
    loader = DataLoader(items, 3, shuffle=True, collate_fn=PadTensors(batch_first=False))
    fit(classifier, loader, loss=note, epochs=2, device="cpu")
    return {"seen": seen, "masks": [mask.flatten() for mask in masks if mask.numel()]}


def main(folder, finished):
    """Train a run, then what the functions above do, then try to train over a finished run."""
    rank = int(os.environ["RANK"])
    run([*TRAIN, "--epochs", "3", "--checkpoint", str(folder / "two.pt")])
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    for clip_norm in CLIP_NORMS:
        torch.save(train_on_uneven_batches(clip_norm), folder / f"{rank} {clip_norm}.pt")
    torch.save(train_with_dropout(), folder / f"dropout {rank}.pt")
    train.process_group = lambda device: nullcontext()  # the processes have met already
    try:
        run([*TRAIN, "--checkpoint", str(finished)])
    except SystemExit as end:
        torch.save(end.code, folder / f"refused {rank}.pt")


if __name__ == "__main__":
    folder, finished = sys.argv[1:]
    main(Path(folder), Path(finished))
