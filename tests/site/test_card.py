"""Show it a card: what the page computes, against Python, and what moves the figure."""

import re
from dataclasses import replace

import book_site as site
import card_network
import numpy as np
import pytest
import torch
from book_site import FIGURE, said, state
from test_interactive import Middle

from pokersnn_helpers import to_frames
from pokersnn_helpers.pokerdvs import POKERDVS_CLASSES
from pokersnn_helpers.simulation import EventCamera, cards
from pokersnn_helpers.snn import leading

PAGE, KIND = "book/index.html", "card"
CERTAIN = replace(cards.CAMERA, **site.NO_CHANCE)
SETUP = (
    "const { card, cardData, shared } = window.interactiveFigures;"
    "const { simulator, settle } = cardData;"
)


@pytest.fixture
def figure(visit):
    return lambda **settings: visit(**settings).show_in_its_own_time(KIND)


def drawn_card(suit, seed=3):
    """Draw a card, and return it with its motion, the rows that are filmed, and the film."""
    card = cards._draw(suit, np.random.default_rng(seed), spread=1)
    motion = cards._move(card)
    rows = np.arange(int(motion.way.min()) - 3, int(motion.way.max() + card.y) + 17)
    return card, motion, rows, cards._log_frames(suit, card, motion, rows)


# ---- What is computed, against Python ----


def test_network_agrees_with_snn(still, simulated):
    recordings = simulated.test.subset([list(simulated.test.targets).index(n) for n in range(4)])
    snn = card_network.unpacked(card_network.read()["layers"]).double()
    site.assert_same_network(
        still, KIND, snn, snn, [to_frames(events) for events in recordings.events]
    )


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
@pytest.mark.parametrize(
    "camera",
    [CERTAIN, EventCamera(0.2, 0.25), EventCamera(0.11, 0.07, refractory_period_us=70)],
)
def test_scene_and_camera_agree_with_those_of_cards(suit, camera, still):
    card, motion, rows, frames = drawn_card(suit)
    expected = camera.record(frames, cards.FRAME_INTERVAL, Middle(np.random.PCG64(0)))
    scene = vars(camera), vars(card) | {"suit": suit}, motion.time.tolist()
    events = still.evaluate(
        "([settings, drawn, times, first, rows, interval]) => {" + SETUP + "const events = [];"
        "const camera = new shared.EventCamera(settings, 35, rows, null);"
        "times.forEach((time, number) => {"
        "  const light = card.filmInto(new Float32Array(35 * rows),"
        "    card.poseAt(drawn, time, simulator), first, rows, 35, simulator);"
        "  if (number) events.push(...camera.film(light, interval));"
        "  else camera.start(light, -2000); });"
        "return events; }",
        [*scene, int(rows[0]), len(rows), cards.FRAME_INTERVAL],
    )
    t, x, y, p = np.array(events, int).T
    t += 2000  # it began before 0, as for a card that is thrown
    assert len(expected) > 1000
    site.assert_same_events({"t": t, "x": x, "y": y, "p": p}, expected)
    assert (np.diff(t) >= 0).all()


@pytest.mark.parametrize("suit", POKERDVS_CLASSES)
def test_window_follows_events_as_in_cards(suit, still):
    *_, rows, frames = drawn_card(suit)
    events = cards.CAMERA.record(frames, cards.FRAME_INTERVAL, np.random.default_rng(0))
    events["y"] += rows[0]
    events = events[events["t"] >= cards.LEAD_IN]
    expected = cards._track(events.copy(), suit)
    found = still.evaluate(
        "([suit, events]) => {" + SETUP + "const tracker = new card.Tracker(suit, simulator);"
        "return events.map((one) => tracker.follow(one)).filter(Boolean); }",
        [suit, [[int(event[name]) for name in "txyp"] for event in events]],
    )
    np.testing.assert_array_equal(found, [[int(e[name]) for name in "txyp"] for e in expected])


def test_answer_agrees_with_leading_where_voltages_are_equal(still):
    rng = np.random.default_rng(0)
    for voltages in rng.integers(-6, 7, (50, 4, 4)):  # so few numbers that some are equal
        highest = np.maximum.accumulate(voltages)
        answers = leading(torch.tensor(highest)).tolist()
        after = max([0, *(n for n in range(1, 5) if answers[n - 1] != [-1, *answers][n - 1])])
        found = still.evaluate(
            "(all) => {" + SETUP + "const steps = all.map((voltages) => ({ voltages }));"
            "steps.push({ voltages: [9, 0, 0, 0] });  // after the recording's end\n"
            "return card.Show.prototype.answer.call({ simulator, steps, ends: 4 }); }",
            voltages.tolist(),
        )
        suit = POKERDVS_CLASSES[answers[-1]] if answers[-1] >= 0 else None
        assert (found["suit"], found["after"]) == (suit, after)


THROWS = (
    "({ count, changes }) => {" + SETUP + "const network = new card.Network(cardData);"
    "const random = window.interactiveFigures.mulberry32(7);"
    "return Array.from({ length: count }, (_, number) => { let on = 0;"
    "  const suit = simulator.suits[number % 4], start = performance.now();"
    "  const show = card.Show.thrown("
    "    { simulator, settle, network, random, suit, changes: new Set(changes) });"
    "  while (show.stage !== 'done') for (const [, , , p] of show.advance()) on += p;"
    "  const ms = (performance.now() - start) / show.steps.length;"
    "  return { suit, ...show.answer(), ms, steps: show.steps.length, all: show.eventCount, on };"
    "}); }"
)


@pytest.fixture(scope="module")
def shows(still):
    """What was seen of a hundred cards that were thrown without a change."""
    return still.evaluate(THROWS, {"count": 100, "changes": []})


def test_thrown_cards_are_classified_and_a_step_is_fast(shows):
    assert sum(show["suit"] == POKERDVS_CLASSES[n % 4] for n, show in enumerate(shows)) >= 95
    assert all(0 < show["after"] <= show["steps"] for show in shows)
    assert all(0 < show["events"] <= show["all"] and show["spikes"] > 0 for show in shows)
    # Of the quickest: the other shows were held up by what else this computer does.
    assert min(show["ms"] for show in shows) < 2


def test_thrown_cards_have_as_many_events_of_each_polarity_as_those_of_python(shows, simulated):
    counts, on = (np.array([show[name] for show in shows]) for name in ("all", "on"))
    for number, suit in enumerate(POKERDVS_CLASSES):
        everything = simulated.train + simulated.test
        recordings = [events for events, target in everything if target == number]
        expected = np.mean([len(events) for events in recordings])
        assert counts[number::4].mean() == pytest.approx(expected, rel=0.2), suit
        share = np.mean([events["p"].mean() for events in recordings])
        assert (on / counts)[number::4].mean() == pytest.approx(share, abs=0.03), suit


@pytest.mark.parametrize(
    ("change", "share"),
    [("shuffle", 1), ("merge", 1), ("half", 0.5), ("noise", 2), ("no-recurrence", 1)],
)
def test_switches_change_the_events_as_they_say(change, share, still, shows):
    before, after = shows[:40], still.evaluate(THROWS, {"count": 40, "changes": [change]})
    counts = [sum(show["all"] for show in shows) for shows in (before, after)]
    assert counts[1] / counts[0] == pytest.approx(share, rel=0.2)
    assert [s["spikes"] for s in before] != [s["spikes"] for s in after]


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
    assert re.match(r"[♣♥♦♠]\ufe0e from \d+ ms on, after [\d,]+ events? and [\d,]+ spikes?\.", text)
    page.clock.run_for(1500)  # until the sum of the events has appeared
    site.count_images(page)
    assert site.images_in(page.clock.run_for, 400, page) == 0
    assert not page.reader.problems


def test_ten_cards_are_tallied_by_suit(figure):
    page = figure(reduced_motion="reduce")
    assert " ms on, after " in wait_for_answer(page)  # a finished card rather than empty panels
    press(page, "ten")
    tally = page.locator(".card-tally")
    site.run_until(lambda: "of 10" in tally.text_content(), page)
    text = tally.text_content()
    correct = int(re.match(r"(\d+) of 10 cards right: ", text)[1])
    by_suit = {suit: (int(a), int(b)) for suit, a, b in re.findall(r"(\S)\ufe0e (\d)/(\d)", text)}
    assert sorted(thrown for _, thrown in by_suit.values()) == [2, 2, 3, 3]
    assert sum(right for right, _ in by_suit.values()) == correct >= 8
    page.get_by_label("noise").check()
    assert tally.text_content() == ""  # other cards than those counted
    assert not page.reader.problems


def assert_nothing_runs(page):
    before = state(page)
    assert before.stage != "done"
    assert site.images_in(page.clock.run_for, 300, page) == 0
    assert state(page).time == before.time


def test_nothing_runs_while_paused_or_out_of_sight(figure):
    page = figure()
    press(page, "Throw a heart")
    page.clock.run_for(200)
    assert state(page).ticking
    press(page, "pause")
    page.clock.run_for(50)
    site.count_images(page)
    assert_nothing_runs(page)
    press(page, "go on")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.state().visible")
    page.clock.run_for(50)
    assert_nothing_runs(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"{FIGURE}.state().visible")
    wait_for_answer(page)


def test_keys_throw_pause_switch_and_move_the_pip(figure):
    page = figure(reduced_motion="reduce")
    page.get_by_role("button", name="Throw a diamond").focus()
    page.keyboard.press("Enter")
    assert state(page).stage == "done"  # at once: less motion is preferred
    assert " ms on, after " in wait_for_answer(page) and state(page).suit == "diamond"
    page.get_by_label("hide half").focus()
    page.keyboard.press("Space")
    assert page.get_by_label("hide half").is_checked() and state(page).suit == "diamond"
    page.get_by_label("hide half").uncheck()
    page.clock.run_for(1100)
    page.get_by_role("button", name="The pip").focus()
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
        page.clock.run_for(250)
    site.run_until(lambda: state(page).stage == "done", page)
    assert said(page).startswith("♦")


def test_a_dragged_pip_is_recognised_and_buttons_stand_below_the_card_on_a_phone(figure):
    page = figure(width=390, reduced_motion="reduce")
    scene, throw = page.locator(".card-scene"), page.get_by_role("button", name="Throw a heart")
    below = throw.bounding_box()["y"] - scene.bounding_box()["y"]
    assert 0 < below < 500
    assert throw.bounding_box()["y"] < page.locator(".card-raster").bounding_box()["y"]
    press(page, "Throw a spade")
    page.clock.run_for(1100)
    box = page.locator(".card-grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
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
    reader.page.goto(reader.address + PAGE)
    numbered = [part for part in site.TOC["parts"] if "numbered" in part]
    chapters = [entry for part in numbered for entry in part["chapters"]]
    captions = reader.page.locator(".chapter-part").all_inner_texts()
    assert captions == [part["caption"] for part in numbered]
    cards = reader.page.locator(".chapter-card").all()
    assert len(cards) == len(chapters)
    for number, (card, entry) in enumerate(zip(cards, chapters, strict=True), start=1):
        link = card.locator("a")
        assert link.get_attribute("href") == entry["file"].removeprefix("book/") + ".html"
        assert link.inner_text().startswith(f"{number}. ")
        assert re.search(r"\n\d+\sminutes$", card.inner_text().strip())
        card.scroll_into_view_if_needed()
        image = card.locator("img.only-light")
        reader.page.wait_for_function(
            "(image) => image.naturalWidth > 100", arg=image.element_handle()
        )
    cards[2].click(position={"x": 40, "y": 60})  # anywhere on it
    reader.page.wait_for_url(f"**/{chapters[2]['file']}.html")


def test_landing_page_counts_what_its_network_classifies_and_its_buttons_lead_on(visit):
    reader = visit(width=390)
    reader.page.goto(reader.address + PAGE)
    text = re.sub(r"\s+", " ", reader.page.locator("article").inner_text())
    real = card_network.read()["measured"]["real_test_recordings"]
    assert f"classifies {20 * real:.0f} of the 20 real test recordings" in text
    colab = reader.page.locator(".landing-buttons").get_by_role("link", name="Open in Colab")
    assert colab.get_attribute("href").endswith("/book/01_loading_the_data.ipynb")
    reader.page.get_by_role("link", name="Start reading").click()
    reader.page.wait_for_url("**/01_loading_the_data.html")
