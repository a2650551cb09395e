import numpy as np
import pytest

from benchmarks.comparison import all_statistics, c2st_accuracy
from pokersnn_helpers import EVENT_DTYPE, FastSNN, evaluate, make_loader, train_classifier
from pokersnn_helpers.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from pokersnn_helpers.simulation import EventCamera, cards, simulate_pokerdvs, simulate_recording
from pokersnn_helpers.simulation.pips import SIGNED_DISTANCE
from pokersnn_helpers.system.checks import check_events


def few(**options):
    """Simulate a set of four recordings to train on and four to test on."""
    return simulate_pokerdvs(**{"n_train": 4, "n_test": 4} | options)


def simulate(suit, **options):
    return simulate_recording(suit, np.random.default_rng(0), **options)


def test_same_seed_same_events_in_both_parts():
    first = few(seed=0)
    again = few(seed=0)
    other = few(seed=1)
    for part in ("train", "test"):
        events = getattr(first, part).events[0]
        assert np.array_equal(events, getattr(again, part).events[0])
        assert not np.array_equal(events, getattr(other, part).events[0])


def test_a_set_has_the_form_of_the_real_one(simulated):
    assert simulated.source == "simulated"
    assert simulated.classes == POKERDVS_CLASSES
    assert simulated.sensor_size == POKERDVS_SENSOR_SIZE
    assert simulated.train.targets == np.repeat(range(4), 12).tolist()
    assert simulated.test.targets == np.repeat(range(4), 5).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_test": 6}, "n_test is 6; choose a positive multiple"),
        ({"n_test": 4.0}, "n_test is 4.0; choose a positive multiple"),
        ({"seed": -1}, "seed is -1; choose a whole number from 0"),
        ({"spread": 4.5}, "spread is 4.5; choose a number from 0 to 4"),
        ({"upside_down": 1.5}, "upside_down is 1.5; choose a number from 0 to 1"),
        ({"camera": EventCamera(10_000, 20_000)}, "no event .*on_threshold=10000, .*; lower its"),
    ],
)
def test_impossible_sets_are_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        few(**change)


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
def test_recording_has_the_form_of_a_real_one(suit):
    events = simulate(suit)
    assert events.dtype == EVENT_DTYPE
    assert np.array_equal(check_events(events, POKERDVS_SENSOR_SIZE), events)
    duration = 1000 * draw(suit, cards.SPREAD[suit]).duration
    assert events["t"][0] == 0
    assert 0.8 * duration < events["t"][-1] < duration + 200
    assert set(events["p"]) == {0, 1}
    assert 300 < len(events) < 8_000


def test_unknown_suit_is_refused():
    with pytest.raises(ValueError, match="suit is 'cl'; choose one of club, heart, diamond, spade"):
        simulate("cl")


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
def test_pip_is_about_two_units_high_and_its_own_mirror_image(suit):
    y, x = np.mgrid[-2:2:81j, -2:2:81j]
    distance = SIGNED_DISTANCE[suit](x, y)
    assert 1.9 < np.ptp(y[distance < 0]) < 2.5
    assert np.allclose(distance, SIGNED_DISTANCE[suit](-x, y))


def draw(suit, spread):
    return cards._draw(suit, np.random.default_rng(0), spread)


def test_cards_of_a_suit_differ_by_the_table():
    rng = np.random.default_rng(0)
    drawn = [cards._draw("heart", rng, 1.1) for _ in range(2000)]
    x = [card.x for card in drawn]
    down = [card.down for card in drawn]
    duration = [card.duration for card in drawn]
    parameter = cards.CARDS["x"]
    std = np.hypot(parameter.std, np.hypot(*parameter.loadings))
    assert np.median(x) == pytest.approx(parameter.medians[1], abs=0.05)
    assert np.std(x) == pytest.approx(1.1 * std, rel=0.05)
    # A pip that is browsed for longer moves further: both follow the first factor.
    correlations = np.corrcoef(duration, np.log(down))
    assert correlations[0, 1] > 0.7
    _, most = cards.CARDS["tilt_end"].limits
    assert max(card.tilt_end for card in drawn) == most


def test_spread_is_a_factor_on_what_cards_of_a_suit_differ_by():
    none = draw("spade", 0)
    usual = draw("spade", 1)
    wide = draw("spade", 2)
    for name in ("x", "drift"):
        median = getattr(none, name)
        assert median == cards.CARDS[name].medians[3]
        change = getattr(usual, name) - median
        assert getattr(wide, name) - median == pytest.approx(2 * change)
    factor = usual.down / none.down
    assert wide.down == pytest.approx(none.down * factor**2)  # in logarithms


def test_fitted_spread_is_the_default_and_another_one_reaches_the_last_recording():
    same = simulate("heart", spread=cards.SPREAD["heart"])
    assert np.array_equal(simulate("heart"), same)
    narrow = few(spread=0).test.events[3]
    wide = few(spread=2).test.events[3]
    assert not np.array_equal(narrow, wide)


def test_a_share_of_each_suit_is_turned_upside_down():
    """A heart's tip is its lowest point, or its highest one."""
    train = few(n_train=8, upside_down=0.5).train
    assert train.targets == [0, 0, 1, 1, 2, 2, 3, 3]  # as if all stood upright
    heights = []
    for events in train.events[2:4]:
        lobes = np.abs(events["x"] - 16) > 8  # beside the middle
        heights.append(events["y"][lobes].mean())
    turned, upright = heights
    assert turned > upright + 1


def film_diamond(card, motion):
    return cards._log_frames("diamond", card, motion, np.arange(-20, 60))


def dark_pixels(frame):
    """Return how many rows and columns show a pip, and the lowest row."""
    y, x = np.nonzero(frame < 0.5 * frame.min())
    rows = len(set(y))
    columns = len(set(x))
    return rows, columns, y.max()


@pytest.fixture
def card():
    """A diamond without its highlight."""
    card = draw("diamond", spread=0)
    card.highlight = -1e9
    return card


def test_pip_that_is_tilted_looks_lower_and_if_tilted_back_narrower(card):
    card.tilt_start = 1.1
    motion = cards._move(card)
    whole = np.ones_like(motion.time)
    frames = film_diamond(card, motion)
    faced = film_diamond(card, motion._replace(height=whole, width=whole))
    for moment in (0, -1):
        shown = (motion.height[moment], motion.width[moment], 1)
        expected = np.multiply(dark_pixels(faced[moment]), shown)
        assert dark_pixels(frames[moment]) == pytest.approx(expected, abs=1.5)
    assert motion.width[0] < 0.9
    assert motion.width[-1] == 1


def test_pip_is_pale_at_first(card):
    frames = film_diamond(card, cards._move(card))
    first = -frames[0].min()
    last = -frames[-1].min()
    assert last == pytest.approx(card.contrast, rel=0.05)
    assert 1 - card.fade < first / last < 0.7


def test_aperture_follows_the_pip(monkeypatch):
    """While a card moves down, its events stay around the middle of the aperture."""
    followed = simulate("club")
    monkeypatch.setattr(cards, "TRACKING_GAIN", 0)
    left_behind = simulate("club")
    last_row = np.median(followed["y"][-500:])
    row_without = np.median(left_behind["y"][-500:])
    assert last_row < 22
    assert row_without > last_row + 3


@pytest.fixture(scope="module")
def many():
    return simulate_pokerdvs(seed=1, n_train=200)


@pytest.fixture
def real(data):
    if data.source != "real":
        pytest.skip("the real recordings are not at hand")
    return data


@pytest.mark.slow
def test_statistics_are_close_to_those_of_the_real_set(real, many):
    assert c2st_accuracy(all_statistics(real), all_statistics(many)) <= 0.75


@pytest.mark.slow
def test_network_trained_on_simulated_recordings_classifies_most_real_ones(real, many):
    """A shape that slides past ideal pixels, as good to look at, carried over to 38 to 72%."""
    classifier, _ = train_classifier(many, seed=0, device="cpu", epochs=12, network=FastSNN)
    loader = make_loader(real.train + real.test, sparse=True)
    assert evaluate(classifier, loader, "cpu").accuracy >= 0.9
