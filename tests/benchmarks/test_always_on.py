"""What watches hours of noise computes as PyTorch does, and its alarms are counted right."""

import shutil

import numpy as np
import pytest
import torch

from benchmarks import always_on, watchers
from benchmarks.always_on import TOLD, Watcher, judge
from benchmarks.chip import steady, to_records
from benchmarks.watchers import KINDS, behind_gate
from pokersnn_helpers import build_network, to_frames

needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler, cc")


def drawn(name):
    """Return a network of a kind whose weights are random."""
    torch.manual_seed(0)
    network = build_network(KINDS[name].make, sensor_size=(35, 35, 2), output_size=5)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.requires_grad:
                weights += 0.1 * torch.randn_like(weights)
    return network.eval()


def watcher_of(name, network, folder, monkeypatch):
    monkeypatch.setattr(always_on, "FLOOR", -1e9)  # tells of every step that is computed
    folder.mkdir(exist_ok=True)
    watchers.write(network, folder / "network.c")
    return Watcher(name, folder)


@needs_cc
@pytest.mark.parametrize("name", ["SNN, 20", "GRU, 8", "GRU, 8, on events", "leaky regression"])
@torch.no_grad()
def test_c_has_the_voltages_of_pytorch_at_each_step_that_is_computed(
    name, simulated, tmp_path, monkeypatch
):
    network = drawn(name)
    events = watchers.add_noise(np.random.default_rng(0), simulated.test.events[0], 1)
    told = watcher_of(name, network, tmp_path / "c", monkeypatch).feed(to_records(events)[1:])
    voltages = network(to_frames(events)[:, None].to_sparse())[:, 0, :4].numpy()
    steps = told["step"]
    assert len(steps) > 50
    assert np.allclose(told["voltage"], voltages.max(1)[steps], 1e-3, 1e-3)
    assert (told["suit"] == voltages.argmax(1)[steps]).all()


@needs_cc
def test_a_counter_shows_all_of_a_millisecond_with_enough_events_and_nothing_of_others(
    simulated, tmp_path, monkeypatch
):
    name = "leaky regression, behind a counter"
    network = drawn(name)
    gate = KINDS[name].gate
    watcher = watcher_of(name, network, tmp_path / "gated", monkeypatch)
    few = steady(gate - 1, 0)
    few[0]["wait"] = 1000
    watcher.feed(np.concatenate([few] * 9))
    assert not watcher.counts[0]
    watcher.library.begin()
    events = simulated.test.events[0]
    told = watcher.feed(to_records(events))
    assert len(told) > 3
    without = watcher_of("leaky regression", network, tmp_path / "open", monkeypatch)
    assert (told == without.feed(to_records(behind_gate(events, gate)))[-len(told) :]).all()


def test_alarms_are_about_cards_once_and_else_about_nothing():
    cards = np.array([[1000, 1020, 2], [2000, 2010, 1], [3000, 3010, 0]])
    told = [
        (500, 3, 5),  # about nothing
        (540, 1, 7),  # too soon after it
        (1004, 1, 4),  # within the wait a larger voltage says another suit
        (1007, 2, 6),
        (1015, 0, 9),  # too soon after an alarm
        (2005, 3, 4),  # another suit
        (3003, 0, 2),  # below the threshold
    ]
    judged = judge(np.array(told, TOLD), cards, threshold=3, wait=5)
    assert judged["found"] == judged["another suit"] == 1 / 3
    assert judged["false alarms"] == 1
    assert judged["latency (ms)"] == 1004 + 1 - 1000 + 5
    assert judge(np.array(told, TOLD), cards, threshold=10, wait=5)["found"] == 0
