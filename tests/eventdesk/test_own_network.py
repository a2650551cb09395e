"""``eventdesk train`` trains what a reader asks for, a class in a file of theirs among it."""

import numpy as np
import pytest

from eventdesk.commands.main import main
from pokersnn_helpers import load_checkpoint, load_nmnist

MINE = """
import torch


class Mine(torch.nn.Module):
    def __init__(self, input_size, output_size, dt, hidden_size=4):
        super().__init__()
        self.dt = dt
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(input_size, hidden_size), torch.nn.Linear(hidden_size, output_size)
        )

    def forward(self, frames):
        return self.layers(frames.flatten(2))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Recordings of two digits, beside a network."""
    digits = load_nmnist(saccade=2).train
    for number, target in enumerate(digits.targets):
        if target < 2 and number % 4 == 0:
            place = tmp_path / "digits" / digits.classes[target]
            place.mkdir(parents=True, exist_ok=True)
            np.save(place / f"{number}.npy", digits.events[number])
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words):
    main(words.split())


def test_a_network_in_a_file_is_trained_asked_and_resumed_only_if_it_is_named(folder, capsys):
    run(
        "train --data digits --network mine.py:Mine --hidden-size 7 --learning-rate 0.01 "
        "--batch-size 3 --epochs 1 --checkpoint a.pt"
    )
    assert "batches of 3, learning rate 0.01" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"name its class: --network FILE\.py:Mine of a command"):
        run("predict --checkpoint a.pt digits")
    run("predict --checkpoint a.pt digits --network mine.py:Mine")
    assert "correct" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="decides which code runs; name it again: --network"):
        run("train --resume a.pt --epochs 2")
    run("train --resume a.pt --epochs 2 --network mine.py:Mine")
    with pytest.raises(SystemExit, match=r"hidden_size was 7 in a\.pt, which can't go on with 8"):
        run("train --resume a.pt --epochs 3 --network mine.py:Mine --hidden-size 8")


def test_hidden_neurons_are_as_many_as_asked_for(folder):
    run("train --data digits --network fast --hidden-size 9 --epochs 1 --checkpoint a.pt")
    assert load_checkpoint("a.pt", "cpu").snn.lif0.hidden_size == 9


NEEDING = """

class Needing(Mine):
    def __init__(self, channels, **others):
        super().__init__(**others)


class NoModule:
    pass


class Small(Mine):
    def __init__(self):
        super().__init__(9, 2, 0.01)


class Stepping(Mine):
    def step(self, frame, state):
        return self.layers(frame.flatten(1)), None


class WrongStep(Mine):
    def step(self, frame):
        return self.layers(frame.flatten(1)), None
"""


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("quick", "--network is quick; choose snn, fast, layer or FILE.py:Class"),
        ("none.py:Mine", r"--network is none\.py:Mine; there is no file none\.py"),
        ("mine.py:Yours", r"mine\.py has Mine, Needing"),
        ("mine.py:NoModule", r"mine\.py:NoModule, which is no torch\.nn\.Module"),
        ("mine.py:Needing", "which needs channels; give defaults to all arguments but sensor_size"),
        ("mine.py:Needing --hidden-size 3", "which needs channels"),
        ("mine.py:Small --hidden-size 3", "--hidden-size says nothing to mine.py:Small"),
    ],
)
def test_a_network_that_cannot_be_made_is_refused_before_a_folder_is_read(network, message, folder):
    small = (
        "\n\nclass Small(Mine):\n    def __init__(self):\n        super().__init__(9, 2, 0.01)\n"
    )
    (folder / "mine.py").write_text(MINE + NEEDING + small)
    with pytest.raises(SystemExit, match=message):
        run(f"train --data nothing_here --network {network}")


@pytest.mark.parametrize(
    ("name", "told"), [("Mine", True), ("WrongStep", True), ("Stepping", False)]
)
def test_a_network_that_live_will_refuse_is_told_before_a_folder_is_read(
    name, told, folder, capsys
):
    (folder / "mine.py").write_text(MINE + NEEDING)
    with pytest.raises(SystemExit, match="nothing_here"):
        run(f"train --data nothing_here --network mine.py:{name}")
    words = f"mine.py:{name} has no step(frame, state): predict will ask it, live won't"
    assert (words in capsys.readouterr().out) == told


@pytest.mark.parametrize("name", ["Mine", "WrongStep", "Stepping"])
def test_live_asks_a_network_in_steps_or_says_why_not(name, folder):
    (folder / "mine.py").write_text(MINE + NEEDING)
    network = f"--network mine.py:{name}"
    run(f"train --data digits {network} --epochs 1 --checkpoint a.pt")
    (file,) = [*folder.glob("digits/*/*.npy")][:1]
    live = f"live --checkpoint a.pt {network} {file.relative_to(folder)}"
    if name == "Stepping":
        run(live)
        return
    with pytest.raises(SystemExit, match=rf"a\.pt is only for predict: .*{name}"):
        run(live)
