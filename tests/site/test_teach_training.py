"""How *Teach it yours* learns beside its page, and what is seen meanwhile."""

import zipfile

import numpy as np
import pytest
from book_site import TEACHING, page_with
from teach_page import (
    KIND,
    button,
    counts_of,
    downloaded_network,
    draw,
    hears_no_end,
    press,
    press_now,
    said,
    strokes_of,
    teach_two_directions,
    wait_for_weights,
    wait_until_it_learns,
    wobbly,
)


def test_own_gestures_are_drawn_learnt_named_played_backwards_and_downloaded(paused):
    teach_two_directions(paused)
    draw(paused, wobbly(np.random.default_rng(8)))
    assert said(paused).startswith("The network says gesture 1 (")
    press(paused, "play it backwards (B)")
    paused.clock.run_for(3000)
    assert said(paused).startswith("Backwards, the network says gesture 2 (")
    assert downloaded_network(paused).classes == ("gesture 1", "gesture 2")
    with paused.expect_download() as download:
        press(paused, "download strokes")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None


def test_without_a_worker_a_sentence_says_so_and_with_one_it_learns(taught):
    taught.evaluate("() => { window.Kept = Worker; delete window.Worker; }")
    press(taught, "train")
    assert said(taught).startswith("Training failed: ") and "“train” tries again" in said(taught)
    taught.evaluate("() => { window.Worker = Kept; }")
    press(taught, "train")
    wait_until_it_learns(taught)


def test_after_a_correction_nothing_asks_to_train_again(paused):
    draw(paused, [[-8, -9], [8, -7], [-8, 2], [9, 9], [2, 9]])
    paused.evaluate(  # as if the network hadn't known it
        "() => { const { answers } = Object.assign(teaching.trials, { correcting: true });"
        "  Object.assign(answers.forwards.network, { known: false, almost: false }); }"
    )
    paused.evaluate("teaching.redraw()")
    paused.clock.run_for(50)
    paused.locator(".teach-choices").get_by_role("button", name="zed", exact=True).click()
    assert strokes_of(paused)[3][-1] != strokes_of(paused)[2][-1]
    assert counts_of(paused) == [5, 5, 6, 6, 5, 5]  # it teaches the reverse, too
    paused.wait_for_function("!teaching.lesson.goesOn", timeout=300_000)
    paused.clock.run_for(50)
    assert "train it again" not in paused.locator(".teach-scored").text_content()
    assert button(paused, "teach it yours").is_visible()


def test_the_slider_leads_back_through_the_training_by_keyboard(listed):
    hears_no_end(listed)
    press_now(listed, "train")
    listed.wait_for_function("teaching.watching.stages.length > 2", timeout=300_000)
    press_now(listed, "stop")
    slider = listed.locator("[name=updates]:enabled")
    assert slider.bounding_box()["height"] >= 24
    slider.press("Home")
    listed.wait_for_function("teaching.watching.updates.textContent === '0'")
    slider.press("ArrowRight")
    listed.wait_for_function("teaching.watching.updates.textContent > 0")
    assert listed.evaluate("teaching.watching.isSeen")


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
