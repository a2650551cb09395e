"""The networks that are compared, and features of recordings."""

from functools import partial

import numpy as np
import pytest
import torch

from benchmarks.early import BinarySNN
from benchmarks.models import FeedforwardSNN
from benchmarks.motions import LeakyDetector, MotionDetector, PlaceGRU, SpikingConvolution
from benchmarks.rules import (
    WAYS,
    FourShifts,
    centroid_course,
    centroid_drift,
    events_over_time,
    panel,
    polarity_centroids,
)
from eventdesk.evidence.perturbations import (
    apply,
    replaced,
    reversed_time,
    shuffled_time,
    until,
)
from eventdesk.models.features import (
    count_and_duration,
    place_and_polarity,
    rate_over_time,
    regions_over_time,
    shift_correlation,
    sum_and_rate,
)
from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import (
    CNN,
    GRU,
    MLP,
    EventGRU,
    FrameMLP,
    summed_image,
)
from pokersnn_helpers import Recordings, decode, make_loader
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.networks.initial_network import build_network
from pokersnn_helpers.networks.spiking_network import WHOLE

NETWORKS = (MLP, CNN, FrameMLP, GRU, EventGRU, LayerThenSNN, BinarySNN)


def batch(recordings, sparse, time_window=1000):
    ((frames, _),) = make_loader(recordings, batch_size=12, time_window=time_window, sparse=sparse)
    return frames


@pytest.mark.parametrize("network", NETWORKS)
def test_every_weight_has_a_gradient(network, some):
    model = network()
    log_probabilities = decode(model(batch(some, True)))
    log_probabilities[:, 0].sum().backward()
    for name, weights in model.named_parameters():
        assert weights.grad.any(), name


@pytest.mark.parametrize("network", [MLP, CNN])
def test_models_of_the_sum_see_no_order_in_time(network, some):
    model = network()
    expected = model(batch(some, True))
    for frames in (batch(shuffled_time(some), True), batch(some, True, WHOLE)):
        torch.testing.assert_close(model(frames), expected)


@pytest.mark.parametrize(
    "network", [GRU, EventGRU, LayerThenSNN, MotionDetector, LeakyDetector, PlaceGRU]
)
def test_network_with_a_memory_sees_the_order(network, some):
    frames = batch(some, False)
    model = network().eval()
    backwards = model(frames.flip(0))
    assert not torch.allclose(model(frames), backwards)


def test_network_without_a_memory_sees_frames_and_not_their_order(some):
    frames = batch(some, False)
    model = FrameMLP().eval()
    expected, backwards, summed = (
        decode(model(given)) for given in (frames, frames.flip(0), frames.sum(0, keepdim=True))
    )
    torch.testing.assert_close(backwards, expected)
    assert not torch.allclose(summed, expected)


@pytest.mark.parametrize("network", [MotionDetector, LeakyDetector, SpikingConvolution])
def test_detector_sees_no_polarity_and_no_future_and_says_nothing_in_silence(network, some):
    dense = batch(some, False, 2000)
    model = network(4).eval()
    voltages = model(dense)
    torch.testing.assert_close(model(dense.flip(2)), voltages)
    longer = torch.cat([dense, dense])
    assert torch.equal(model(longer)[: len(dense)], voltages)
    assert not model(torch.zeros_like(dense)).any()


def test_recurrent_weights_stay_zero(some):
    network = build_network(FeedforwardSNN)
    network(batch(some, True)).sum().backward()
    torch.optim.Adam(network.parameters(), lr=0.01).step()
    assert not network.lif0.recurrent_weights.any()


def test_binary_frames_hold_at_most_one_event_per_pixel_and_bin(some):
    frames = batch(some, False)
    network = BinarySNN()
    assert frames.max() > 1
    assert torch.equal(network(frames), network.snn((frames > 0).float()))


def test_rate_over_time_knows_no_place(some):
    in_a_corner = apply(lambda events: replaced(events, x=0, y=0), some)
    assert (rate_over_time(in_a_corner) == rate_over_time(some)).all()


def test_summed_image_holds_all_events(some):
    image = summed_image(some)
    counts = [len(events) for events in some.events]
    assert image.shape == (12, 2450)
    assert np.expm1(image).sum(axis=1) == pytest.approx(counts)


def test_rate_over_time_finds_a_period():
    events = make_events(np.arange(0, 100_000, 5000), 0, 0, 0)
    one = Recordings([events], [0], ("a",), (1, 1, 2))
    of_lags = rate_over_time(one, 1000)[0, 20:57]
    lags = np.unique(np.geomspace(1, 2048, 44).astype(int))[:-1]
    assert lags[of_lags[:6].argmax()] == 5
    assert (of_lags[:4] < 0.01).all()  # no pair of events is closer


@pytest.mark.parametrize(
    "features",
    [
        count_and_duration,
        centroid_course,
        centroid_drift,
        events_over_time,
        polarity_centroids,
        shift_correlation,
        partial(shift_correlation, regions=3, steps=(1, 2)),
        place_and_polarity,
        regions_over_time,
        sum_and_rate,
    ],
)
def test_features_are_as_many_for_any_duration_and_those_of_a_recording_alone(features, some):
    both = some.subset([0, 6])
    alone = features(both.subset([1]))
    assert (features(both)[1:] == alone).all()
    short = apply(lambda events: events[:20], both)
    assert features(short).shape == (2, alone.shape[1])


def test_regions_over_time_turn_round_with_time():
    events = make_events([0, 1000, 4000, 5000, 19_999], [0, 0, 2, 2, 1], [0, 0, 0, 0, 1], 1)
    one = Recordings([events], [0], ("a",), (3, 3, 2))
    forwards, backwards = (
        regions_over_time(each)[0, 13:].reshape(6, 78) for each in (one, reversed_time(one))
    )
    assert forwards[3, 1] > 0.5  # region 2, four bins after region 0
    assert backwards[1:] == pytest.approx(-forwards[1:], abs=1e-9)


def test_a_rule_that_learns_nothing_says_which_way_something_moves():
    """A column of four pixels moves by one in a ms."""
    ms = np.repeat(range(12), 4)
    along, across = 5 + ms, 9 + np.arange(48) % 4
    there, back, down = (
        make_events(1000 * ms, x, y, 1)
        for x, y in ((along, across), (along[::-1], across), (across, along))
    )
    ways = Recordings([there, back, down], [1, 0, 3], tuple(WAYS), (35, 35, 2))
    assert centroid_drift(ways) == pytest.approx(np.array([[1, 0], [-1, 0], [0, 1]]))
    assert FourShifts().predict(ways).tolist() == [1, 0, 3]


def test_the_panel_learns_suits_and_can_be_asked_early(simulated):
    cheap = {name: model for name, model in panel().items() if "frames" not in name}
    learned = simulated.train
    for name, model in cheap.items():
        early = model.fit(learned, 0).predict(until(learned, 6))
        assert (early == learned.targets).mean() > 0.3, name


def test_what_sees_single_frames_gets_the_same_answer_from_any_order_of_them(some):
    def turn_round(events):
        frames = 1 + events["t"][-1] // 5000
        return replaced(events, t=5000 * frames - 1 - events["t"])

    backwards = apply(turn_round, some)
    for name in ("LR on single frames", "MLP on single frames", "CNN on single frames"):
        model = panel(5000)[name].fit(some, 0)
        assert (model.predict(backwards) == model.predict(some)).all(), name
