"""Show it a card: what the page computes, against Python, and what moves the figure."""

import re
from dataclasses import replace

import book_site as site
import numpy as np
import pytest
import torch
from book_site import FIGURE, Middle, said, state

from benchmarks import page_networks
from pokersnn_helpers import first_of_each_class, to_frames
from pokersnn_helpers.events.recordings import POKERDVS_CLASSES
from pokersnn_helpers.networks.classifier import unique_argmax
from pokersnn_helpers.simulation import EventCamera, cards

PAGE, KIND = "book/index.html", "card"
SURE = 0.95
CERTAIN = replace(cards.CAMERA, **site.NO_CHANCE)
SETUP = (
    "const { card, cardData, shared } = window.interactiveFigures;"
    "const { simulator, settle } = cardData;"
)


def drawn_card(suit, seed=3):
    """Draw a card, and return it with its motion, the rows that are filmed, and the film."""
    card = cards._draw(suit, np.random.default_rng(seed), spread=1)
    motion = cards._move(card)
    first = int(motion.way.min()) - 3
    last = int(motion.way.max() + card.y) + 16
    rows = np.arange(first, last + 1)
    return card, motion, rows, cards._log_frames(suit, card, motion, rows)


# ---- What is computed, against Python ----


def test_network_agrees_with_snn(still, simulated):
    frames = [to_frames(events) for events, _ in first_of_each_class(simulated.test)]
    snn = page_networks.unpacked(page_networks.read()["layers"]).double()
    site.assert_same_network(still, KIND, snn, frames)


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
@pytest.mark.parametrize(
    "camera",
    [CERTAIN, EventCamera(0.2, 0.25), EventCamera(0.11, 0.07, refractory_period_us=70)],
)
def test_scene_and_camera_agree_with_those_of_cards(suit, camera, still):
    card, motion, rows, frames = drawn_card(suit)
    expected = camera.record(frames, cards.FRAME_INTERVAL, Middle(np.random.PCG64(0)))
    drawn = vars(card) | {"suit": suit}
    filmed = [int(rows[0]), len(rows), cards.FRAME_INTERVAL]
    events = still.evaluate(
        "([settings, drawn, times, first, rows, interval]) => {" + SETUP + "const events = [];"
        "const camera = new shared.EventCamera(settings, 35, rows, null);"
        "times.forEach((time, number) => {"
        "  const light = card.filmInto(new Float32Array(35 * rows),"
        "    card.poseAt(drawn, time, simulator), first, rows, 35, simulator);"
        "  if (number) events.push(...camera.film(light, interval));"
        "  else camera.start(light, -2000); });"  # before 0, as for a card that is thrown
        "return events.map(([t, ...more]) => [t + 2000, ...more]); }",
        [vars(camera), drawn, motion.time.tolist(), *filmed],
    )
    columns = dict(zip("txyp", np.array(events, int).T, strict=True))
    assert len(expected) > 1000
    site.assert_same_events(columns, expected)
    assert (np.diff(columns["t"]) >= 0).all()


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
def test_window_follows_events_as_in_cards(suit, still):
    *_, rows, frames = drawn_card(suit)
    events = cards.CAMERA.record(frames, cards.FRAME_INTERVAL, np.random.default_rng(0))
    events["y"] += rows[0]
    events = events[events["t"] >= cards.LEAD_IN]
    expected = cards._track(events.copy(), suit)
    windowed = still.evaluate(
        "([suit, events]) => {" + SETUP + "const tracker = new card.Tracker(suit, simulator);"
        "return events.map((one) => tracker.follow(one)).filter(Boolean); }",
        [suit, events.tolist()],
    )
    assert windowed == np.array(expected.tolist()).tolist()


def test_answer_and_when_it_is_sure_agree_with_python_where_voltages_are_equal(still):
    rng = np.random.default_rng(0)
    for voltages in torch.tensor(rng.integers(-3, 4, (50, 4, 4))):  # so few that some are equal
        highest = voltages.cummax(dim=0).values
        answers = [[*POKERDVS_CLASSES, None][place] for place in unique_argmax(highest)]
        probable = highest.double().softmax(dim=1).amax(dim=1) >= SURE
        found = still.evaluate(
            "(all) => {" + SETUP + "const steps = all.map((voltages) => ({ voltages }));"
            "steps.push({ voltages: [9, 0, 0, 0] });  // after the recording's end\n"
            "return card.Show.prototype.answer.call({ simulator, steps, ends: 4 }); }",
            voltages.tolist(),
        )
        assert found["suit"] == answers[-1]
        if not probable.any():
            assert found["sure"] is None
            continue
        first = int(probable.int().argmax())
        assert found["sure"]["suit"] == answers[first]
        assert found["sure"]["after"] == first + 1


THROWS = (
    "({ count, changes }) => {" + SETUP + "const network = new card.Network(cardData);"
    "const random = window.interactiveFigures.mulberry32(7);"
    "return Array.from({ length: count }, (_, number) => {"
    "  const suit = simulator.suits[number % 4];"
    "  const show = card.Show.thrown("
    "    { simulator, settle, network, random, suit, changes: new Set(changes) });"
    "  while (show.stage !== 'done') show.advance();"
    "  return { ...show.answer(), all: show.eventCount, spikes: show.spikeCount }; }); }"
)


@pytest.fixture(scope="module")
def shows(still):
    """What was seen of a hundred cards that were thrown without a change."""
    return still.evaluate(THROWS, {"count": 100, "changes": []})


def test_thrown_cards_are_classified(shows):
    right = np.array([show["suit"] for show in shows]) == np.resize(POKERDVS_CLASSES, len(shows))
    assert right.sum() >= 95
    first_right = [show["sure"]["suit"] == show["suit"] for show in shows if show["sure"]]
    assert len(first_right) >= 95
    assert np.mean(first_right) >= 0.95


@pytest.mark.parametrize(
    ("change", "share"),
    [("shuffle", 1), ("merge", 1), ("half", 0.5), ("noise", 2), ("no-recurrence", 1)],
)
def test_switches_change_the_events_as_they_say(change, share, still, shows):
    before = shows[:40]
    after = still.evaluate(THROWS, {"count": 40, "changes": [change]})
    count = sum(show["all"] for show in before)
    assert sum(show["all"] for show in after) / count == pytest.approx(share, rel=0.2)
    assert [show["spikes"] for show in before] != [show["spikes"] for show in after]


# ---- The figure ----


def wait_for_answer(page):
    site.run_until(lambda: said(page), page)
    return said(page)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_a_card_is_thrown_once_by_itself_and_the_answer_said(figure):
    page = figure()
    text = wait_for_answer(page)
    assert text == page.locator(".card-summary").text_content()
    assert page.locator(".card-tally").text_content() == ""  # only a reader's cards are counted
    assert re.match(r"[♣♥♦♠]\ufe0e,? .*95% sure", text)
    page.clock.run_for(1500)  # until the sum of the events has appeared
    site.assert_nothing_runs(page)
    assert not page.reader.problems


def test_a_hundred_cards_are_tallied(figure):
    page = figure(reduced_motion="reduce")
    assert " spikes" in wait_for_answer(page)  # a finished card rather than empty panels
    press(page, "hundred")
    tally = page.locator(".card-tally")
    site.run_until(lambda: "of 100 cards right" in tally.text_content(), page)
    text = tally.text_content()
    right, mistaken = re.match(r"(\d+) of 100 cards right, (\d+) wrong and 95% sure", text).groups()
    assert int(right) >= 90
    assert int(mistaken) <= 100 - int(right)
    page.get_by_label("noise").check()
    assert tally.text_content() == ""  # other cards than those counted
    assert not page.reader.problems


def test_nothing_runs_while_paused_or_out_of_sight(figure):
    page = figure()
    press(page, "Throw a heart")
    page.clock.run_for(200)
    assert state(page).ticking
    press(page, "pause")
    site.assert_nothing_runs(page)
    press(page, "go on")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.table.visible")
    assert state(page).stage != "done"
    site.assert_nothing_runs(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"{FIGURE}.table.visible")
    wait_for_answer(page)


def test_keys_throw_switch_and_move_the_pip(figure):
    page = figure(reduced_motion="reduce")
    page.get_by_role("button", name="Throw a diamond").press("Enter")
    assert state(page).stage == "done"  # at once: less motion is preferred
    assert " spikes" in wait_for_answer(page)
    switch = page.get_by_label("hide half")
    switch.press("Space")
    assert switch.is_checked()
    assert state(page).suit == "diamond"
    switch.uncheck()
    page.clock.run_for(1100)
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight"):
        page.get_by_role("button", name="The pip").press(key)
        page.clock.run_for(250)
    site.run_until(lambda: state(page).stage == "done", page)
    assert said(page).startswith("♦")


def test_a_dragged_pip_is_recognised(figure):
    page = figure(width=390, reduced_motion="reduce")
    press(page, "Throw a spade")
    page.clock.run_for(1100)
    page.locator(".card-grip").hover()
    grip = page.locator(".card-grip").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.down()
    for right, below in ((20, 0), (-20, 20), (0, 40), (10, 10)):
        page.mouse.move(x + right, y + below, steps=8)
        page.clock.run_for(200)
    page.mouse.up()
    site.run_until(lambda: state(page).stage == "done", page)
    assert said(page).startswith("♠")


# ---- The landing page around it ----


def test_each_chapter_has_a_card_with_a_thumbnail_that_leads_to_it(visit):
    reader = visit()
    page = reader.page
    page.goto(reader.address + PAGE)
    captions = page.locator(".chapter-part").all_inner_texts()
    chapter_cards = page.locator(".chapter-card").all()
    addresses = [card.locator("a").get_attribute("href") for card in chapter_cards]
    files = ["book/" + address.removesuffix(".html") for address in addresses]
    assert files == [name for name in site.DOCUMENTS if name in files]
    assert {*site.CHAPTERS} <= {*files}
    stated, minutes = (
        sum(int(text.split()[-2]) for text in texts)
        for texts in (captions, [card.inner_text() for card in chapter_cards])
    )
    assert stated == minutes
    for card in chapter_cards:
        card.scroll_into_view_if_needed()
        image = card.locator("img:not(.only-dark)").element_handle()
        page.wait_for_function("(image) => image.naturalWidth > 100", arg=image)
    chapter_cards[2].click(position={"x": 40, "y": 60})  # anywhere on it
    page.wait_for_url(f"**/{addresses[2]}")


def test_buttons_of_the_landing_page_lead_on(visit):
    reader = visit(width=390)
    page = reader.page
    page.goto(reader.address + PAGE)
    colab = page.locator(".landing-buttons").get_by_role("link", name="Open in Colab")
    assert colab.get_attribute("href").endswith("/book/on_one_page.ipynb")
    page.get_by_role("link", name="Start reading").click()
    page.wait_for_url("**/loading_the_data.html")
