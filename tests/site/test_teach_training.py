"""What *Teach it yours* learns, against PyTorch, and how it goes on to learn."""

import zipfile

import numpy as np
import pytest
import torch
from book_site import TEACHING, page_with
from teach_page import (
    KIND,
    SETUP,
    button,
    counts_of,
    downloaded_network,
    drag,
    draw,
    hears_no_end,
    press,
    press_now,
    said,
    strokes_of,
    teach_two_directions,
    wait_for_weights,
    wait_until_it_is_trained,
    wait_until_it_learns,
    weights_of,
    wobbly,
)
from torch.nn.functional import nll_loss

from eventdesk.files.folders import load_folder
from pokersnn_helpers import SNN, decode, predict
from pokersnn_helpers.fast import LayerThenSNN


def test_own_gestures_are_learnt_named_played_backwards_and_taken_along(paused, tmp_path):
    teach_two_directions(paused)
    assert said(paused).startswith("Trained in ") and "Of 2 left-out strokes" in said(paused)
    press(paused, "play it backwards (B)")  # of the last stroke that was shown
    paused.clock.run_for(3000)
    assert said(paused).startswith("Backwards, the network says gesture 1 (")
    stroke = wobbly(np.random.default_rng(8))
    draw(paused, stroke + np.array([12, 10]))
    assert said(paused).startswith("The network says gesture 1 (")
    press(paused, "right")
    assert paused.locator(".teach-scored").text_content() == "1 of 1 right"
    draw(paused, [[0, -10], [9, -4], [-9, 0], [9, 4], [0, 10], [-9, 4]])
    assert said(paused).startswith("The network says “I don’t know”")
    draw(paused, stroke)
    assert said(paused).startswith("The network says gesture 1 (")
    assert said(paused).endswith("Now play it backwards.")
    events = paused.evaluate("teaching.trials.trial.path.length")
    press(paused, "play it backwards (B)")
    paused.clock.run_for(3000)
    assert said(paused).startswith("Backwards, the network says gesture 2 (")
    assert paused.evaluate("teaching.trials.trial.path.length") == events

    with paused.expect_download() as download:
        press(paused, "download strokes")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    assert folder.classes == ("gesture 1", "gesture 2")
    assert [*map(int, folder.targets)] == [0, 0, 0, 1, 1, 1]
    classifier = downloaded_network(paused)
    assert classifier.classes == ("gesture 1", "gesture 2")
    expected = paused.evaluate(
        "() => {" + SETUP + "const { all: gestures } = teaching.gestures;"
        "const { trained } = teaching.lesson;"
        "return gestures.flatMap(({ strokes }) => strokes.map(({ events }) => trained.spiking.run("
        "  teach.toRecording(events, timeWindow, settle / timeWindow)).values)); }"
    )
    for recorded, values in zip(folder.events, expected, strict=True):
        found = predict(classifier, recorded, "cpu").readout.max(dim=0).values
        assert torch.allclose(found, torch.tensor(values), atol=1e-3)

    press(paused, "train from another start")
    wait_for_weights(paused)
    press(paused, "stop")
    assert paused.evaluate("teaching.trials.answers") == {}  # they were of another network


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("window.Kept = Worker; delete window.Worker;", "window.Worker = Kept;"),
        ("URL.kept = URL.createObjectURL; URL.createObjectURL = undefined;",
         "URL.createObjectURL = URL.kept;"),
        ("window.Kept = Worker; window.Worker = class { postMessage() {} terminate() {} };",
         "window.Worker = Kept;"),
    ],
)  # fmt: skip
def test_without_a_worker_or_with_a_dead_one_a_sentence_says_so(broken, mended, taught):
    taught.evaluate(f"() => {{ {broken} }}")
    press(taught, "train")
    taught.clock.run_for(30_000)
    assert said(taught).startswith("Training failed: ") and "“train” tries again" in said(taught)
    taught.evaluate(f"() => {{ {mended} }}")
    press(taught, "train")
    wait_until_it_learns(taught)


def test_after_a_correction_nothing_asks_to_train_again(paused):
    draw(paused, [[-8, -9], [8, -7], [-8, 2], [9, 9], [2, 9]])
    paused.evaluate("teaching.trials.correcting = true")
    paused.evaluate("teaching.redraw()")
    paused.clock.run_for(50)
    paused.locator(".teach-choices").get_by_role("button", name="zed", exact=True).click()
    assert strokes_of(paused)[3][-1] != strokes_of(paused)[2][-1]
    assert counts_of(paused) == [5, 5, 6, 6, 5, 5]  # it teaches the reverse, too
    paused.wait_for_function("!teaching.lesson.goesOn", timeout=300_000)
    paused.clock.run_for(50)
    assert "train it again" not in paused.locator(".teach-scored").text_content()
    assert button(paused, "teach it yours").is_visible()


def test_an_answer_that_is_wrong_is_learnt_and_nothing_else_forgotten(paused):
    teach_two_directions(paused)
    before = weights_of(paused)
    zigzag = [[0, -10], [9, -4], [-9, 0], [9, 4], [0, 10], [-9, 4]]
    draw(paused, zigzag)
    assert "“I don’t know”" in said(paused) and "the nearest example gesture" in said(paused)
    paused.locator(".teach-choices").get_by_role("button", name="gesture 2", exact=True).click()
    wait_until_it_is_trained(paused)
    assert counts_of(paused) == [3, 4]
    assert "a little better, and has 6 of the 6 others right" in said(paused)
    assert weights_of(paused) != before
    draw(paused, zigzag)
    assert said(paused).startswith("The network says gesture 2 (")
    press(paused, "wrong")
    assert said(paused) == "What was it?"
    assert paused.locator(".teach-choices button").count() == 2


def turn(page):
    page.set_viewport_size({"width": 844, "height": 390})


def read_another_tab(page):
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


@pytest.mark.parametrize("meanwhile", [turn, read_another_tab])
def test_training_goes_on_meanwhile_and_strokes_stay(meanwhile, paused):
    paused.set_viewport_size({"width": 390, "height": 844})  # a phone
    press(paused, "see what it was taught")
    hears_no_end(paused)
    press(paused, "train")
    wait_until_it_learns(paused)
    meanwhile(paused)
    wait_for_weights(paused)
    paused.clock.run_for(100)
    assert counts_of(paused) == [5] * 6
    assert paused.locator(".teach-summary").text_content().startswith("Learning, ")
    assert paused.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wrong = (  # canvases that aren't as large as they are seen
        "[...document.querySelectorAll('[data-kind=teach] canvas')].filter((one) =>"
        "  one.clientWidth && Math.abs(one.width - one.clientWidth * devicePixelRatio) > 1)"
        "  .map((one) => one.className)"
    )
    assert paused.evaluate(wrong) == []


def test_a_stroke_that_began_before_a_network_was_trained_is_answered_by_it_as_a_whole(taught):
    hears_no_end(taught)
    press(taught, "train")
    wait_for_weights(taught)
    drag(taught, [[-10, -5], [-8, -5]], 100)
    taught.evaluate("document.querySelector('.teach-train').click()")  # it stops, and is trained
    drag(taught, [[-8, -5], [10, -5]], 500, press=False)
    taught.mouse.up()
    taught.clock.run_for(300)
    assert said(taught).startswith("The network says ")
    assert taught.evaluate("teaching.trials.trial.by === teaching.lesson.trained")


def test_the_page_works_from_a_copy_on_a_disk(built, browser):
    context = browser.new_context()
    context.set_default_timeout(90_000)
    context.add_init_script(TEACHING)
    page = context.new_page()
    page.goto((built / page_with(KIND)).as_uri())
    page.wait_for_selector("[data-kind=teach].is-interactive")
    press_now(page, "see what it was taught")
    press_now(page, "train")
    wait_until_it_learns(page)
    context.close()
