"""The benchmark measures what it says; how long anything takes is no matter of tests."""

import argparse

import pytest
import torch

from pokersnn_helpers import benchmark, engines


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(engines, "BATCH", 4)
    monkeypatch.setattr(engines, "HIDDEN", 5)


def test_missing_library_is_named(data, small, monkeypatch, capsys):
    for module in (benchmark, engines):
        monkeypatch.setattr(module, "installed_version", lambda package: None)
    benchmark.print_setting(data)
    benchmark.print_steps(data, 1000, repeats=1)
    printed = capsys.readouterr().out
    for package in ("snntorch", "sinabs", "rockpool", "jax"):
        assert f"{package} MISSING" in printed
        assert any(
            line.startswith(package) and "MISSING" in line and "pokersnn-helpers[bench]" in line
            for line in printed.splitlines()
        )


def test_floor_has_the_multiply_adds_of_a_training_step(monkeypatch):
    """Counted by PyTorch: two operations a multiply-add."""
    from torch.utils.flop_counter import FlopCounterMode

    torch.manual_seed(0)
    steps, batch, inputs, hidden, outputs = 6, 4, 50, 10, 4
    frames = (torch.rand(steps, batch, inputs) < 0.1).float()
    events = int(frames.sum())
    expected = 2 * events * hidden + 3 * steps * batch * hidden * (hidden + outputs)
    for step in engines.floor_steps(frames, hidden).values():
        with FlopCounterMode(display=False) as counter:
            step()
        assert counter.get_total_flops() / 2 == pytest.approx(expected, rel=0.1)


def test_median_ignores_the_first_run():
    runs = []
    assert benchmark.median_time(lambda: runs.append(0), 3) >= 0
    assert len(runs) == 4


def test_memory_is_measured_in_a_process_of_its_own(monkeypatch):
    steps, seconds, peak = benchmark.in_own_process(benchmark.time_and_memory, 1000)
    assert 5 <= steps <= 40 and seconds > 0
    assert peak != peak or 0.1 < peak < 4


def test_figure_has_a_panel_for_each_measurement(tmp_path):
    scaling = {
        "time": [(30, 0.01, 0.5), (300, 0.02, 0.6)],
        "hidden": [(100, 0.01, 0.02), (200, 0.02, 0.04)],
        "accuracy": [(1000, [1.0, 0.95]), (100, [1.0, 1.0])],
    }
    assert len(benchmark.draw(scaling).axes) == 4
    assert len(benchmark.draw({"hidden": scaling["hidden"]}).axes) == 1


def test_only_known_parts_are_accepted():
    parser = argparse.ArgumentParser()
    benchmark.add_benchmark_arguments(parser)
    assert parser.parse_args([]).only == benchmark.PARTS
    with pytest.raises(SystemExit):
        parser.parse_args(["--only", "everything"])
