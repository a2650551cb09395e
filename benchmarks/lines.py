"""What each line of the recipe of *Training* is worth."""

import math

import numpy as np

from eventdesk.evidence.protocol import Evidence
from pokersnn_helpers import FastSNN, evaluate, make_loader
from pokersnn_helpers.training.train import train_classifier

from . import Options, Row
from .folds import spread
from .timing import recordings


def larger_weights() -> FastSNN:
    """Make the network so that it begins with input weights as Norse draws them.

    They are first made larger by as much as ``build_network`` makes them smaller.
    """
    network = FastSNN()
    hidden_size, input_size = network.lif0.input_weights.shape
    network.scale_input_weights(math.sqrt(input_size / hidden_size))
    return network


PLAIN: Options = {
    "network": larger_weights,
    "epochs": 10,
    "learning_rate": 0.002,
    "clip_norm": None,
    "augment": "none",
    "ema_decay": 0,
}
LONGER: Options = {"epochs": 60, "learning_rate": 0.001}
LINES: dict[str, Options] = {
    "plain loop": PLAIN,
    "60 epochs at 0.001 alone": PLAIN | LONGER,
    "gradient clipping": PLAIN | {"clip_norm": 0.3},
    "smaller input weights": PLAIN | {"network": FastSNN},
}
LINES["both of these"] = LINES["gradient clipping"] | {"network": FastSNN}
LINES["and 60 epochs at 0.001"] = LINES["both of these"] | LONGER
LINES["and data augmentation"] = LINES["and 60 epochs at 0.001"] | {"augment": "mirror"}
LINES["and EMA"] = LINES["and data augmentation"] | {"ema_decay": 0.95}


def count_correct(seed: int, line: Options) -> tuple[int, float]:
    """Cross-validate a line in four folds; return how many are correct, and the mean loss."""
    correct = 0
    loss = 0.0
    train = recordings().train
    for trial in Evidence(train, range(len(train))).folds(4):
        classifier, _ = train_classifier(trial.learn.recordings, seed=seed, device="cpu", **line)
        held_out = trial.test(lambda tested: make_loader(tested.recordings, sparse=True))
        evaluation = evaluate(classifier, held_out, "cpu")
        correct += evaluation.correct
        loss += evaluation.loss * evaluation.n_samples
    return correct, loss / len(train)


def measure_lines(seeds: int = 10, epochs: int | None = None) -> Row:
    """Count the held-out recordings that are classified correctly, line by line.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other weights.
        epochs: To train for, in place of each line's own.
    """
    rows = []
    for name, line in LINES.items():
        if epochs is not None:
            line = line | {"epochs": epochs}
        runs = [count_correct(seed, line) for seed in range(seeds)]
        correct, loss = zip(*runs, strict=True)
        rows.append({"line": name, **spread(correct), "loss": float(np.mean(loss))})
    return {"recordings": len(recordings().train), "seeds": seeds, "rows": rows}
