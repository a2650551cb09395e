"""The reference's script for several processes, run by PyTorch's launcher in one and in two."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pokersnn_helpers import evaluate, load_checkpoint, make_loader
from pokersnn_helpers.simulation import simulate_pokerdvs

PAGE = Path(__file__).parents[2] / "book" / "reference" / "networks_and_training.md"
# Each process says which gradients it begins with, and which weights it ends with.
BACKWARD = ".backward()\n"
FIRST = """.backward()
        globals().setdefault("first", [p.grad.clone() for p in classifier.parameters()])
"""
LAST = """
torch.save((classifier.state_dict(), first), f"{dist.get_rank()}.pt")
dist.destroy_process_group()
"""
EPOCHS = 4  # after which many recordings are still wrong


def train(processes, folder):
    """Run the script, and return the last weights and the first gradients of each process."""
    (script,) = re.findall(r"(?s)```python\n(.*?)```", PAGE.read_text(encoding="utf-8"))
    script = script.replace("range(60)", f"range({EPOCHS})")
    script = script.replace("load_pokerdvs()", 'load_pokerdvs(source="simulated")')
    assert script.count(BACKWARD) == 1
    script = script.replace(BACKWARD, FIRST)
    folder.mkdir()
    (folder / "several.py").write_text(script.replace("dist.destroy_process_group()\n", LAST))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*launcher, f"--nproc-per-node={processes}", "several.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(processes)]


@pytest.mark.slow
def test_two_processes_take_the_gradients_of_one_and_end_with_its_weights_and_answers(tmp_path):
    ((alone, gradients),) = train(1, tmp_path / "alone")
    (one, of_one), (other, of_other) = train(2, tmp_path / "two")
    for expected, first, second in zip(gradients, of_one, of_other, strict=True):
        assert torch.equal(first, second)
        torch.testing.assert_close(first, expected, atol=1e-6, rtol=1e-4)
        assert expected.abs().max() > 1e-4
    for name, weights in one.items():
        assert torch.equal(weights, other[name]), name
        torch.testing.assert_close(weights, alone[name], atol=1e-4, rtol=0)
    loader = make_loader(simulate_pokerdvs().train)
    answers = [
        evaluate(load_checkpoint(tmp_path / folder / "several.pt", "cpu"), loader, "cpu")
        for folder in ("alone", "two")
    ]
    assert torch.equal(answers[0].predicted, answers[1].predicted)
    assert 0.3 < answers[0].accuracy < 0.95
