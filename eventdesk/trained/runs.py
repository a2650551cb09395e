"""A training run that can be resumed: its whole state, in one file with the classifier.

A resumed run ends with exactly the weights that it would have had. ``fit`` knows nothing of this:
its ``callback`` is given the ``Trainer``, of which a run is saved after each epoch, and which an
earlier run is put into before the first.
"""

import copy
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pokersnn_helpers.system.writing import StrPath
from pokersnn_helpers.training.checkpoints import save_checkpoint
from pokersnn_helpers.training.fit import History, Trainer

from .familiar import Known
from .stored import read

Options = dict[str, Any]  # of the command train, by name


@dataclass
class TrainingState:
    """Everything that the rest of a training run depends on, besides its options."""

    weights: dict[str, Tensor]  # of the classifier after the last step
    ema: dict[str, Tensor]  # their exponential moving average
    n_averaged: int  # steps that the average holds
    optimizer: dict[str, Any]
    rng: Tensor  # state of PyTorch's random numbers on the CPU
    history: dict[str, Any]
    cuda_rng: Tensor | None = None  # and on the GPU, which dropout there draws from
    kept: dict[str, Tensor] | None = None  # the average after the epoch that is kept


class Run(NamedTuple):
    """A saved run.

    Example:
        >>> from pokersnn_helpers import Classifier, FastSNN, fit, load_pokerdvs, make_loader
        >>> save = lambda trainer: save_run(trainer, "fit.pt", options={"seed": 0})
        >>> loader = make_loader(load_pokerdvs(source="simulated").test)
        >>> history = fit(Classifier(FastSNN()), loader, epochs=1, callback=save)
        >>> run = load_run("fit.pt")
        >>> run.options
        {'seed': 0}
        >>> go_on = lambda trainer: None if trainer.history.loss else restore(trainer, run.state)
        >>> len(fit(Classifier(FastSNN()), loader, epochs=3, callback=go_on).loss)
        3
    """

    options: Options  # what it was started with: numbers or texts by name
    state: TrainingState


def state_of(trainer: Trainer) -> TrainingState:
    """Return a copy of the state of a run, which the rest of the run doesn't change."""
    state = TrainingState(
        weights=trainer.classifier.state_dict(),
        ema=trainer.ema.module.state_dict(),
        n_averaged=int(trainer.ema.n_averaged),
        optimizer=trainer.optimizer.state_dict(),
        rng=torch.get_rng_state(),
        history=vars(trainer.history),
        cuda_rng=torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        kept=trainer.best.state_dict() if trainer.best else None,
    )
    return copy.deepcopy(state)


def save_run(
    trainer: Trainer,
    path: StrPath,
    options: Options,
    overwrite: bool = True,
    known: Known | None = None,
) -> None:
    """Save the classifier that is kept so far, together with the run; errors: ``save_checkpoint``.

    Args:
        trainer: What ``fit`` gives to its ``callback``.
        path: The file to write.
        options: What the run was started with: numbers or texts by name.
        overwrite: Whether to replace a file of the same name.
        known: What the classifier has learned from, if it is to be kept.
    """
    state = vars(state_of(trainer))
    del state["kept"]  # the classifier has these weights
    if trainer.best is None:
        del state["ema"]  # and these are the same
    further = {"options": options, "state": state}
    if known is not None:
        further |= known.to_content()
    save_checkpoint(trainer.kept, path, overwrite, further)


def load_run(path: StrPath) -> Run:
    """Load the run that was saved with a classifier; errors are those of ``load_checkpoint``."""
    content = read(path)
    if "state" not in content:
        raise ValueError(
            f"{path} holds a classifier, but no training run to go on with. "
            "Use a file that `eventdesk train --checkpoint` wrote."
        )
    weights = content["weights"]
    try:
        state = TrainingState(**{"ema": weights, "kept": weights} | content["state"])
        state.history = dict(state.history)
        state.history.pop("ranges", None)  # which earlier versions noted here, too
        return Run(dict(content["options"]), state)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds a damaged training run: {error}") from error


def restore(trainer: Trainer, state: TrainingState) -> None:
    """Put an earlier run into a trainer, before its first epoch.

    Args:
        trainer: What ``fit`` gives to its ``callback``.
        state: The state of the earlier run.

    Raises:
        ValueError: Something is missing, has another size, or isn't what it must be.
    """
    try:
        trainer.history = History(**copy.deepcopy(state.history))
        check_history(trainer.history)
        check_settings(trainer.optimizer, state.optimizer["param_groups"])
        trainer.classifier.load_state_dict(state.weights)
        trainer.ema.module.load_state_dict(state.ema)
        trainer.ema.n_averaged.fill_(state.n_averaged)
        if trainer.history.validation_accuracy and state.kept is not None:
            trainer.best = copy.deepcopy(trainer.ema.module)
            trainer.best.load_state_dict(state.kept)
        trainer.optimizer.load_state_dict(state.optimizer)
        check_moments(trainer.optimizer)
        torch.set_rng_state(state.rng)
        if state.cuda_rng is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state.cuda_rng)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"the run doesn't fit this classifier: {error!r}") from error


def check_history(history: History) -> None:
    """Refuse a history whose entries aren't numbers, that is empty, or of which a part is gone."""
    for name, values in vars(history).items():
        numbers = values if name != "kept_epoch" else []
        if not isinstance(numbers, list) or not all(isinstance(each, Real) for each in numbers):
            raise ValueError(f"its {name} is {values!r}")
    if not history.loss or len(history.loss) != len(history.accuracy):
        raise ValueError(f"it has losses of {len(history.loss)} epochs")
    if len(history.test_loss) != len(history.test_accuracy):
        raise ValueError(f"it has losses of {len(history.test_loss)} tests")


def check_settings(optimizer: torch.optim.Optimizer, options: list[dict[str, Any]]) -> None:
    """Refuse options of an earlier run's optimizer that this one doesn't have."""
    if options != optimizer.state_dict()["param_groups"]:
        rates = [group["lr"] for group in (options[0], optimizer.param_groups[0])]
        raise ValueError(
            "options of the optimizer are other than its own; its learning_rate was "
            f"{rates[0]}, and is {rates[1]}"
        )


def check_moments(optimizer: torch.optim.Optimizer) -> None:
    """Refuse moments that the optimizer would fail with, or write beyond."""
    moments = list(optimizer.state.values())
    for weights, values in optimizer.state.items():
        shapes = {value.shape for value in values.values() if value.ndim}
        if values.keys() != moments[0].keys() or not shapes <= {weights.shape}:
            raise ValueError("moments of the optimizer have other sizes than its weights")
