import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from pokersnn_helpers import SNN, Evaluation, History, describe, plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_book_style_is_found():
    with plt.style.context("pokersnn_helpers.book"):
        assert plt.rcParams["axes.spines.top"] is False


def test_frames_show_on_minus_off_on_one_scale():
    frame = torch.zeros(2, 35, 35)
    frame[1, 4, 3], frame[0, 20, 10] = 5, 2
    fig = plots.plot_frames([frame, frame / 5], ["a", "b"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    assert first.get_array()[4, 3] == 5 and first.get_array()[20, 10] == -2
    assert first.get_clim() == second.get_clim() == (-5, 5)
    assert [ax.get_title() for ax in fig.axes[:2]] == ["a", "b"]


def test_distributions_draw_a_dot_for_every_recording(standin):
    table = describe(standin)
    fig = plots.plot_distributions(table, ["events"])
    drawn = np.concatenate([line.get_ydata() for line in fig.axes[0].lines])
    assert sorted(drawn) == sorted(table["events"])


def test_dynamics_put_the_first_step_at_1_ms():
    snn = SNN(record=True)
    with torch.no_grad():
        snn(torch.poisson(torch.full((6, 2, 2, 35, 35), 0.05)))
    fig = plots.plot_dynamics(snn.recording, dt=0.001, classes=["a", "b", "c", "d"], sample=1)
    assert len(fig.axes) == 4
    assert fig.axes[1].lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert np.allclose(fig.axes[1].lines[0].get_ydata(), snn.recording.lif0.v[:, 1, 0])
    assert fig.axes[3].get_title() == f"hidden spikes: {int(snn.recording.lif0.z[:, 1].sum())}"
    assert fig.axes[3].get_xlabel() == "time (ms)"


def test_raster_marks_every_spike():
    spikes = torch.zeros(5, 3)
    spikes[1, 2] = spikes[4, 0] = 1
    _, ax = plt.subplots()
    plots.plot_raster(ax, spikes, dt=0.002)
    assert ax.lines[0].get_xdata().tolist() == [4, 10]
    assert ax.lines[0].get_ydata().tolist() == [2, 0]


def test_readout_dots_mark_what_decode_reads():
    voltages = torch.randn(9, 4)
    _, ax = plt.subplots()
    plots.plot_readout(ax, voltages, 0.001, ["club", "heart", "diamond", "spade"])
    dots = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert np.allclose(dots, voltages.max(dim=0).values)


def test_neuron_shows_its_threshold():
    fig = plots.plot_neuron(np.arange(3), np.zeros(3), np.zeros(3), threshold=0.3)
    assert any(np.allclose(line.get_ydata(), 0.3) for line in fig.axes[1].lines)


def test_history_is_drawn_in_percent_and_without_a_test_curve_if_there_is_none():
    history = History(loss=[2, 1], accuracy=[0.5, 0.75])
    fig = plots.plot_history(history)
    assert fig.axes[1].lines[0].get_ydata().tolist() == [50, 75]
    assert [len(ax.lines) for ax in fig.axes] == [1, 1]


def test_confusion_has_true_suits_in_rows():
    log_probabilities = torch.eye(4)[[1, 1, 3]]
    evaluation = Evaluation(log_probabilities, targets=torch.tensor([0, 1, 3]))
    fig = plots.plot_confusion(evaluation, ["club", "heart", "diamond", "spade"])
    counts = fig.axes[0].images[0].get_array()
    assert counts[0, 1] == 1 and counts[1, 1] == 1 and counts[3, 3] == 1 and counts.sum() == 3
    assert fig.axes[0].get_ylabel() == "true suit"


def test_network_is_drawn_with_its_sizes():
    fig = plots.plot_network(SNN(hidden_size=30, output_size=3))
    words = " ".join(text.get_text() for text in fig.axes[0].texts)
    for size in ("2,450 counts", "30 LIF neurons", "30 × 30", "3 × 30", "3 leaky integrators"):
        assert size in words


def test_bars_of_all_panels_share_an_axis_on_which_the_shortest_shows():
    fig = plots.plot_bars({"slow": [154, 1561], "fast": [5.3, 15]}, ["a", "b"], "time (ms)")
    left, right = (ax.get_xlim() for ax in fig.axes)
    assert left == right
    assert left[0] < 5.3 and left[1] > 1561
