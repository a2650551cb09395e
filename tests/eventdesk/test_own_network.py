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
    with pytest.raises(SystemExit, match="holds a Mine, and no code of it"):
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


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("quick", "--network is quick; choose snn, fast, layer or FILE.py:Class"),
        ("none.py:Mine", "No such file .*none.py"),
        ("mine.py:Yours", "mine.py has Mine"),
    ],
)
def test_a_network_that_is_not_there_is_named(network, message, folder):
    with pytest.raises(SystemExit, match=message):
        run(f"train --data digits --network {network}")
