"""The reference's script for several processes, run by PyTorch's launcher in two."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pokersnn_helpers import evaluate, load_checkpoint, make_loader
from pokersnn_helpers.simulation import simulate_pokerdvs

PAGE = Path(__file__).parents[1] / "book" / "reference" / "networks_and_training.md"
# Process 1 says what it ends with, too.
LAST = """
torch.save(classifier.state_dict(), f"{dist.get_rank()}.pt")
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights_that_have_learned(tmp_path):
    (script,) = re.findall(r"(?s)```python\n(.*?)```", PAGE.read_text(encoding="utf-8"))
    script = script.replace("range(60)", "range(20)")
    script = script.replace("load_pokerdvs()", 'load_pokerdvs(source="simulated")')
    (tmp_path / "several.py").write_text(script.replace("dist.destroy_process_group()\n", LAST))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*launcher, "--nproc-per-node=2", "several.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    one, other = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name, weights in one.items():
        assert torch.equal(weights, other[name]), name
    trained = load_checkpoint(tmp_path / "several.pt", "cpu")
    assert evaluate(trained, make_loader(simulate_pokerdvs().train), "cpu").accuracy > 0.5
