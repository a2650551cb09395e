"""Your finger is the scene: what moves the figure."""

import book_site as site
import numpy as np
import pytest
from book_site import FIGURE, said, state
from motion_network import MOTIONS, OPPOSITE
from scripted_hand import scripted

KIND = "motion"
BACK = {name: MOTIONS[other] for name, other in zip(MOTIONS, OPPOSITE, strict=True)}


def run_to_end(page):
    """Let time pass until the stroke has ended and is drawn."""
    page.clock.run_for(100)
    site.run_until(lambda: not state(page).moving, page)
    page.clock.run_for(50)
    return state(page)


def cells(page):
    """Return what the score says: forwards, then backwards, each of the network and the sum."""
    return page.locator(".motion-score td .interactive-said").all_text_contents()


def move_mouse(page, reports):
    """Move the mouse across the pad as scripted."""
    times, *places = zip(*reports, strict=True)
    places = site.on_the_page(page, ".motion-pad", zip(*places, strict=True))
    for wait, place in zip(np.diff(times, prepend=0), places, strict=True):
        page.mouse.move(*place)
        page.clock.run_for(round(wait))


def pixels_with_events(page):
    """Count what isn't transparent in the window of the camera's events."""
    return page.locator(".motion-window").evaluate(
        "(window) => { const { width, height } = window;"
        "return window.getContext('2d').getImageData(0, 0, width, height)"
        "  .data.filter((value, at) => at % 4 === 3 && value).length; }"
    )


def test_a_motion_is_shown_once_by_itself_and_the_answer_said(figure):
    page = figure()
    assert state(page).moving and not pixels_with_events(page)
    page.clock.run_for(1000)
    assert pixels_with_events(page) > 20
    run_to_end(page)
    assert said(page) == page.locator(".motion-summary").text_content()
    forwards, _, *backwards = cells(page)
    assert forwards in MOTIONS and backwards == ["not yet", "not yet"]
    page.clock.run_for(200)
    assert not state(page).ticking
    assert not page.reader.problems


def test_backwards_turns_the_answer_round_and_both_stay(figure):
    page = figure(reduced_motion="reduce")
    for motion in MOTIONS:
        page.get_by_role("button", name=f"Show {motion}", exact=True).click()
        assert not state(page).moving  # at once: nothing has moved
        page.clock.run_for(50)
        assert cells(page)[::2] == [motion, "not yet"]
        page.get_by_role("button", name="play it backwards").click()
        page.clock.run_for(50)
        assert cells(page)[::2] == [motion, BACK[motion]]
        assert page.locator(".motion-score td.is-opposite").count() >= 2
        assert f"The network says {motion}, then {BACK[motion]}: it has turned round." in said(page)


@pytest.mark.parametrize(("width", "motion"), [(390, "up"), (1280, "clockwise")])
def test_a_mouse_that_moves_is_answered_and_a_click_plays_it_backwards(width, motion, figure):
    page = figure(width=width)
    run_to_end(page)
    move_mouse(page, scripted(motion, np.random.default_rng(8)))
    assert state(page).moving  # and the network answers meanwhile
    assert " so far, after " in page.locator(".motion-summary").text_content()
    assert run_to_end(page).direction == "forwards"
    assert cells(page)[0] == motion
    for pressed, direction in ((350, "forwards"), (250, "backwards")):  # ms; long is no click
        page.mouse.down()
        page.clock.run_for(pressed)
        page.mouse.up()
        page.clock.run_for(50)
        assert state(page).direction == direction
    assert state(page).moving
    run_to_end(page)
    assert cells(page)[::2] == [motion, BACK[motion]]
    assert not page.reader.problems


def test_what_comes_before_the_first_frame_is_answered(figure):
    page = figure()
    run_to_end(page)
    page.locator(".motion-grip").focus()
    for then, expected in (
        ("b", ["right", "left"]),
        (".motion-backwards", ["right", "left"]),
        ("ArrowUp", ["up", "not yet"]),
        ("[aria-label='Show up']", ["up", "not yet"]),
    ):
        page.evaluate(  # both before an image is drawn; what is no selector is a key
            "(then) => { const find = (selector) => document.querySelector(selector);"
            "find(\"[aria-label='Show right']\").click();"
            "if (/^\\w+$/.test(then)) find('.motion-grip').dispatchEvent("
            "  new KeyboardEvent('keydown', { key: then, bubbles: true }));"
            "else find(then).click(); }",
            then,
        )
        page.clock.run_for(200)
        page.keyboard.up("ArrowUp")
        run_to_end(page)
        assert cells(page)[::2] == expected, then
    assert not page.reader.problems


def test_a_mouse_that_comes_in_elsewhere_is_no_movement(figure):
    page = figure()
    run_to_end(page)
    box = page.locator(".motion-pad").bounding_box()
    middle = box["y"] + 0.5 * box["height"]
    for share in (0.2, 0.8, 0.2):
        page.mouse.move(box["x"] + share * box["width"], middle)
        page.mouse.move(box["x"] - 20, middle)
        page.clock.run_for(100)
        assert not state(page).moving
    assert not page.reader.problems


def test_keys_move_the_disc_and_play_backwards(figure):
    page = figure(reduced_motion="reduce")
    page.get_by_role("button", name="Show right").click()  # it leaves: keys begin in the middle
    page.locator(".motion-grip").focus()
    page.keyboard.down("ArrowDown")
    page.clock.run_for(500)
    assert state(page).moving
    page.keyboard.up("ArrowDown")
    run_to_end(page)
    assert cells(page)[0] == "down"
    page.keyboard.press("b")
    page.clock.run_for(50)
    assert cells(page)[::2] == ["down", "up"]
    page.keyboard.press("ArrowUp")  # a short press is a stroke, too
    page.clock.run_for(200)
    assert state(page).moving
    run_to_end(page)
    assert cells(page)[0] == "up"


def test_a_finger_moves_the_disc_on_the_pad_and_scrolls_beside_it(figure):
    page = figure(width=390, has_touch=True)
    run_to_end(page)
    before = page.evaluate("scrollY")
    for panel in (".motion-pad", ".motion-window"):
        assert page.evaluate("scrollY") == before
        box = page.locator(panel).bounding_box()
        x = box["x"] + 0.5 * box["width"]
        shares = np.linspace(0.9, 0.1, 50)
        site.touch(
            page, [(x, box["y"] + share * box["height"]) for share in shares], page.clock.run_for
        )
        run_to_end(page)
    assert cells(page)[0] == "up"
    page.wait_for_function(f"scrollY - {before} > 80")


def test_nothing_runs_out_of_sight(figure):
    page = figure()
    page.clock.run_for(200)
    assert state(page).moving and state(page).ticking
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"!{FIGURE}.visible")
    site.assert_nothing_runs(page)
    assert state(page).moving
    page.locator("[data-kind=motion]").scroll_into_view_if_needed()
    page.wait_for_function(f"{FIGURE}.visible")
    run_to_end(page)
