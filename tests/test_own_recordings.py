import subprocess
import sys
from pathlib import Path

from test_folders import fill

SCRIPT = Path(__file__).with_name("own_recordings.py")
FILES = ["dynamics.png"]


def test_a_short_script_trains_saves_loads_plots_and_streams_on_another_sensor(tmp_path):
    """With the package alone: nothing else of this repository is in the folder or on the path."""
    fill(tmp_path / "recordings")
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, classes, *lines = done.stdout.splitlines()
    assert first == "24 recordings of 64 × 64 pixels: left, middle, right"
    assert classes == "['left', 'middle', 'right']"
    assert lines[0:6:3] == ["SNN 6", "FastSNN 6"] and lines[6] in ("ConvNet 5", "ConvNet 6")
    assert lines[1::3] == ["left"] * 3
    assert all(line.startswith("left since ") for line in lines[2::3])
    assert sorted(path.name for path in tmp_path.iterdir()) == [*FILES, "recordings", "run.pt"]
    assert all((tmp_path / name).stat().st_size > 5000 for name in FILES)
