"""Networks are compared on recordings of one's own by the commands that compare them on cards."""

import pytest

from benchmarks import __main__ as command
from benchmarks import curve

DIGITS = """
from pokersnn_helpers import load_nmnist

def zeros_and_ones():
    digits = load_nmnist(saccade=1).train
    chosen = [list(digits.targets).index(digit) + more for digit in (0, 1) for more in range(12)]
    recordings = digits.subset(chosen)
    return recordings, [number // 2 for number in range(len(recordings))]
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sets.py"
    path.write_text(DIGITS)
    return f"{path}:zeros_and_ones"


@pytest.mark.slow
def test_the_curve_is_drawn_of_recordings_of_ones_own(source, monkeypatch):
    monkeypatch.setattr(curve, "UNITS", (4,))
    monkeypatch.setattr(curve, "RATES", (0.001, 0.004))
    rows = curve.measure_curve(seeds=1, epochs=1, source=source)["rows"]
    assert {(row["model"], row["folds"]) for row in rows} == {
        (model, division)
        for model in [*curve.KINDS, curve.REGRESSION]
        for division in curve.DIVISIONS
    }
    assert all(row["operations"] > 0 for row in rows)


@pytest.mark.slow
def test_recordings_of_ones_own_are_dealt_out_with_their_groups(source):
    passes = curve.measure_dealt(seeds=1, epochs=1, source=source)["passes"]
    assert [row["recordings"] for row in passes] == 12 * [2]


def test_what_pages_show_is_measured_on_cards_alone(source, capsys):
    with pytest.raises(SystemExit):
        command.main(["dealt", "--write", "--source", source])
    assert "omit --source" in capsys.readouterr().err
