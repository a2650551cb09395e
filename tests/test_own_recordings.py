import runpy
from pathlib import Path

import numpy as np

from pokersnn_helpers import EVENT_DTYPE

SCRIPT = Path(__file__).with_name("own_recordings.py")
CLASSES = ("left", "middle", "right")


def test_a_short_script_trains_saves_loads_and_plots_on_another_sensor(
    tmp_path, monkeypatch, capsys
):
    rng = np.random.default_rng(0)
    for number in range(24):
        events = np.zeros(300, EVENT_DTYPE)  # a spot, for 15 ms
        events["t"] = np.sort(rng.integers(0, 15_000, 300))
        middle = (12 + 20 * (number % 3), 32)
        events["x"], events["y"] = rng.normal(middle, 3, (300, 2)).astype(int).T
        events["p"] = rng.integers(0, 2, 300)
        path = tmp_path / CLASSES[number % 3] / f"{number}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, events)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    names = ("SNN", "FastSNN", "ConvNet")
    correct = [line for name in names for line in (f"{name} 12", "left")]
    assert capsys.readouterr().out.splitlines() == correct
    for name in (*names, "dynamics"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_the_script_has_25_lines_below_its_imports():
    code = SCRIPT.read_text(encoding="utf-8").partition("CLASSES = ")[2]
    assert 0 < sum(1 for line in code.splitlines() if line.strip()) <= 25
