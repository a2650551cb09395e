"""The command ``train``: a run that can be stopped at any time, and resumed."""

import hashlib
import json
import os
import reprlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock, Timeout

from pokersnn_helpers.data.pokerdvs import load_pokerdvs
from pokersnn_helpers.events.recordings import Recordings, Split
from pokersnn_helpers.system.checks import errors_in
from pokersnn_helpers.system.devices import chosen_device
from pokersnn_helpers.system.progress import progress_hidden
from pokersnn_helpers.system.writing import atomic_write
from pokersnn_helpers.training.checkpoints import rebuild
from pokersnn_helpers.training.fit import History, Trainer
from pokersnn_helpers.training.recipe import Recipe, choose_recipe
from pokersnn_helpers.training.train import train_classifier

from ..evidence.estimators import refuse_too_long
from ..evidence.perturbations import apply
from ..files.folders import in_pixels, thin
from ..models.detector import detector
from ..models.named import NETWORKS_OF_TRAIN
from ..trained.familiar import Known, training_ranges
from ..trained.runs import Options, TrainingState, load_run, restore, save_run
from ..trained.stored import read
from .look import read_folder
from .networks import network_named, network_to_train, takes_steps
from .terminal import Stopped, interruptible, say

Network = Callable[..., torch.nn.Module]  # a class, or what makes one


@dataclass(frozen=True)
class TrainOptions(Recipe):
    """What a training run depends on, by name on the command line; its checkpoint holds it."""

    network: str = "snn"  # snn, fast, layer or FILE.py:Class
    hidden_size: int = 0  # 0: the network's own
    seed: int = 0
    source: str = "auto"  # a saved run says "real", "simulated" or "own"
    data: str = ""  # a folder of recordings; none for POKER-DVS
    sensor: str = ""  # as for read_folder; in a checkpoint that of the files, before resizing
    size: str = ""  # as for read_folder, and so are the next two
    window_ms: float | None = None
    group_by: str = ""
    share: float = 1.0  # of the events, which is drawn
    digest: str = ""  # of the recordings that a run began with; none before it begins

    def __str__(self) -> str:
        return f"{super().__str__()}, seed {self.seed}"

    def network_for(self, network: Network, recordings: Recordings) -> Network:
        """Return what makes the network that is named, to learn from these recordings."""
        if self.network == "layer" and self.data:
            network = detector(self.time_window, choose_recipe(recordings).time_window)
        if not self.hidden_size:
            return network
        return partial(network, hidden_size=self.hidden_size)


def train(
    checkpoint: Path | None = None,
    resume: Path | None = None,
    device: str = "",
    like: Path | None = None,
    history: Path | None = None,
    **given: Any,
) -> None:
    """Train, save after every epoch, and report."""
    if like:
        given = options_like(like) | given
    path = checkpoint or resume
    torch_device = chosen_device(device)
    saved, state = load_saved(resume, given) if resume else ({}, None)
    try:
        with claim(path, resume):
            options, recipe, data, network = begin(saved, given, resume)
            if state and data.validation:
                name_validation(state.history)
            say(*describe(data), f"{options}, on {torch_device.type}")
            say(f"checkpoint: {path or 'none is written; --checkpoint FILE keeps one'}")

            def keep(trainer: Trainer) -> None:
                done = len(trainer.history.loss)
                if done:
                    say_epoch(trainer.history, options.epochs)
                if done and history:
                    write_history(trainer.history, history)
                if done and path:
                    known = what_is_known(trainer, data, is_over=done == options.epochs)
                    saved_before = bool(resume or done > 1)
                    save_run(trainer, path, asdict(options), saved_before, known)
                elif state:
                    restore(trainer, state)
                    done = len(trainer.history.loss)
                    if done > options.epochs:
                        raise ValueError(
                            f"epochs is {options.epochs}, and {done} are done; choose more"
                        )

            bar = nullcontext() if sys.stderr.isatty() else progress_hidden()
            with interruptible(), errors_in(resume or options), bar:
                _, learned = train_classifier(
                    data,
                    seed=options.seed,
                    device=torch_device,
                    callback=keep,
                    **vars(recipe) | {"network": options.network_for(network, data.train)},
                )
    except KeyboardInterrupt as interrupt:
        raise Stopped(advice(path, device)) from interrupt
    report(learned, data)


def say_epoch(history: History, epochs: int) -> None:
    """Say how an epoch went where the bar would stand, if no terminal shows one."""
    if not sys.stderr.isatty():
        loss, accuracy = history.loss[-1], history.accuracy[-1]
        line = f"epoch {len(history.loss)} of {epochs}: loss {loss:.3f}, {accuracy:.0%} right"
        print(line, file=sys.stderr, flush=True)


def write_history(history: History, path: Path) -> None:
    """Write a row per epoch, with what was measured after each."""
    epochs = range(1, len(history.loss) + 1)
    columns = {"epoch": epochs} | {
        name: values
        for name, values in vars(history).items()
        if isinstance(values, list) and len(values) == len(epochs)
    }
    with atomic_write(path) as file:
        pd.DataFrame(columns).to_csv(file, index=False)


def what_is_known(trainer: Trainer, data: Split, is_over: bool) -> Known:
    """Return the ranges of what is learned from, and after the last epoch what it looks like."""
    learned = data.train + data.validation if data.validation else data.train
    if is_over:
        return Known.of(learned, trainer.kept, data.groups)
    return Known(training_ranges(learned))


def begin(
    saved: Options, given: Options, resume: Path | None
) -> tuple[TrainOptions, Recipe, Split, Network]:
    """Return what a run begins with: each option as given, as saved, or the default; data; network.

    What is wrong with a network is said before recordings are read, which can take minutes.
    """
    chosen: Options = {"network": "layer" if "data" in given else "snn"} | saved | given
    options = TrainOptions(**chosen)
    network = network_to_train(options.network, options.hidden_size)
    if not takes_steps(network):
        say(f"{options.network} has no step(frame, state): predict will ask it, live won't")
    data, sensor = load(options)
    recipe = choose_recipe(data.train, **{name: chosen.get(name) for name in asdict(Recipe())})
    if options.network in NETWORKS_OF_TRAIN:  # of one's own nobody knows what it keeps
        for part in parts(data):
            refuse_too_long(part, recipe.time_window, recipe.batch_size, options.hidden_size)
    digest = digest_of(data)
    if options.digest not in ("", digest):
        raise ValueError(f"the recordings aren't those of {resume} any more; put them back")
    options = replace(options, **asdict(recipe), source=data.source, sensor=sensor, digest=digest)
    return options, recipe, data, network


def options_like(folder: Path) -> Options:
    """Return the options by which ``compare``, which wrote into a folder, trained its detector."""
    path = folder / "compare.json"
    if not path.is_file():
        raise FileNotFoundError(f"--like {folder} is no folder that compare --out wrote")
    with errors_in(path):
        recipe = json.loads(path.read_text())["recipe"]
        recipe |= {"network": "layer", "epochs": recipe["detector_epochs"]}
        names = vars(TrainOptions())
        return {name: recipe[name] for name in names if recipe.get(name) is not None}


def load_saved(resume: Path, given: Options) -> tuple[Options, TrainingState]:
    """Load the options and the state of a run, and refuse those that it can't go on with."""
    saved, state = load_run(resume)
    if saved.get("delays") == "":  # an option of earlier versions
        del saved["delays"]
    check_options(saved, resume)
    network = saved.get("network", "snn")
    if network not in NETWORKS_OF_TRAIN and "network" not in given:
        raise ValueError(
            f"{resume} trains {network}, and a checkpoint never decides which code runs; name it "
            f"again: --network {network}"
        )
    kind = network_named(network if network in NETWORKS_OF_TRAIN else given["network"])
    rebuild(read(resume), resume, kind)  # refuses what is wrong with the classifier
    for name, value in given.items():
        if name != "epochs" and value != saved.get(name, value):
            raise ValueError(
                f"{name} was {saved[name]} in {resume}, which can't go on with {value}"
            )
    return saved, state


def check_options(saved: Options, path: Path) -> None:
    """Refuse options of a saved run that this version doesn't know, or that are of another type."""
    known = vars(TrainOptions())
    for name, value in saved.items():
        kind = str if isinstance(known.get(name), str) else Real
        is_known = name in known and (isinstance(value, kind) or value == known[name])
        if not is_known:  # a window_ms of None is the default
            raise ValueError(
                f"{path} holds {name} {reprlib.repr(value)}, which this version doesn't know; "
                "install the one that wrote it, or copy the file again"
            )


def name_validation(history: dict[str, Any]) -> None:
    """Rename what an earlier version noted of validation recordings as of test recordings."""
    if "validation_loss" not in history:
        history["validation_loss"] = history.pop("test_loss", [])
        history["validation_accuracy"] = history.pop("test_accuracy", [])


@contextmanager
def claim(path: Path | None, resume: Path | None) -> Iterator[None]:
    """Keep other runs away from a checkpoint, and refuse one that isn't the run to go on with."""
    if path is None:
        yield
        return
    real = path.resolve()  # a link leads to the same lock
    lock = FileLock(real.with_name(f".{real.name}.lock"), timeout=0)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except Timeout as error:
            raise ValueError(
                f"another run is writing {path}. Wait, or name another file"
            ) from error
        if os.name == "posix":  # Windows removes it itself
            stack.callback(Path(lock.lock_file).unlink, missing_ok=True)
        if path.exists() and path != resume:
            raise ValueError(
                f"{path} exists and isn't overwritten; name another file or --resume it"
            )
        yield


def load(options: TrainOptions) -> tuple[Split, str]:
    """Load POKER-DVS, or a folder of whose groups about a fourth test; say its sensor, too."""
    if not options.data:
        return load_pokerdvs(source=options.source), ""  # may download them
    folder = read_folder(
        options.data, options.group_by, options.sensor, options.size, options.window_ms
    )
    if len(folder.recordings.classes) < 2:
        raise ValueError(f"{options.data} holds one class; add a folder for each of the others")
    recordings = folder.recordings
    if options.share < 1:
        recordings = apply(partial(thin, share=options.share), recordings)
    with errors_in(options.data):
        return split_groups(recordings, folder.groups), in_pixels(folder.sensor_size)


def digest_of(data: Split) -> str:
    """Say which recordings these are, by their classes and their events."""
    digest = hashlib.sha256(repr([data.classes, *(part.targets for part in parts(data))]).encode())
    for part in parts(data):
        for events in part.events:
            digest.update(events.tobytes())
    return digest.hexdigest()


def parts(data: Split) -> list[Recordings]:
    """Return the recordings to train on, those to choose by if there are some, and the others."""
    return [part for part in (data.train, data.validation, data.test) if part]


def describe(data: Split) -> list[str]:
    """Say what there is to train, to choose and to test on, and which classes are missing."""
    lines = [repr(data), repr(data.train)]
    for part, purpose in ((data.validation, "to choose the epoch"), (data.test, "to test on")):
        missing = set(data.train.targets) - set(part.targets) if part else ()
        lines += [f"none of {data.classes[target]} {purpose}" for target in missing]
    return lines


def report(history: History, data: Split) -> None:
    """Say how many recordings are classified correctly, of those trained on and of others.

    Of those trained on, by weights that changed with every batch of the last epoch; of the others,
    by the weights that are kept.
    """
    say(score("training, during the last epoch", data.train, history.accuracy, history.loss))
    if data.validation:
        say(f"kept: epoch {history.kept_epoch} of {len(history.loss)}, chosen by other recordings")
    say(score("test", data.test, history.test_accuracy, history.test_loss))


def score(part: str, recordings: Recordings, accuracy: list[float], loss: list[float]) -> str:
    """Return a line of the report."""
    number = len(recordings)
    correct = round(accuracy[-1] * number)
    return f"{part}: {correct} of {number} classified correctly, loss {loss[-1]:.4f}"


def advice(path: Path | None, device: str) -> str:
    """Say what is left of a run that was stopped, and on a second line how to go on with it."""
    if path is None or not path.exists():
        return "stopped, and nothing is saved: start the run again,\n--checkpoint FILE keeps it"
    words = ["eventdesk", "train", "--resume", str(path)]
    if device:
        words += ["--device", device]
    return f"stopped; {path} holds every finished epoch. Go on with it:\n{shlex.join(words)}"


def split_groups(recordings: Recordings, groups: Sequence[Any]) -> Split:
    """Hold out some groups to test on, and where there are enough, others to choose the epoch by.

    Args:
        recordings: The recordings.
        groups: The group of each.

    Raises:
        ValueError: A class has a single group.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> split_groups(load_pokerdvs(source="simulated").train, range(48))
        own recordings: 28 to train on, 8 to choose the epoch, 12 to test on
    """
    from ..evidence.protocol import Evidence  # which takes a second to import

    evidence = Evidence(recordings, groups)
    if evidence.groups_per_class() < 2:
        raise ValueError("a class has a single group, so none can test; add folders")
    trial = evidence.hold_out()
    learned = trial.learn.recordings
    validation = trial.choose.recordings if trial.choose else None
    known = [*trial.learn.groups, *(trial.choose.groups if trial.choose else ())]
    test = trial.test(lambda tested: tested.recordings)
    return Split(learned, test, validation=validation, groups=known)
