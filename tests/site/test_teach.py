"""What a visitor does with *Teach it yours*: draws, names, moves and films."""

import pytest
from book_site import page_with
from teach_page import (
    CAMERA,
    KIND,
    button,
    counts_of,
    drag,
    draw,
    hears,
    name_field,
    press,
    press_now,
    said,
    strokes_of,
    unfold,
)


def test_the_first_stroke_is_named_while_it_is_drawn_and_nothing_grey_is_shown(paused):
    """By the network that the page arrives with."""
    for grey in (".teach-gestures", ".teach-train"):
        assert not paused.locator(grey).is_visible()
    drag(paused, [[-9, -9], [9, -9], [-9, 9], [9, 9]])
    assert paused.locator(".teach-name").text_content() == "zed"  # the mouse is still down
    paused.mouse.up()
    paused.clock.run_for(300)
    assert said(paused).startswith("The network says zed (")
    press(paused, "see what it was taught")
    assert paused.locator(".teach-gestures").is_visible()
    assert counts_of(paused) == [5] * 6


def test_the_pad_is_near_and_as_wide_as_a_phone_and_messages_move_nothing(paused):
    for _ in range(2):
        paused.keyboard.press("Tab")
    assert paused.evaluate("document.activeElement.textContent") == "Skip to the pad"
    paused.keyboard.press("Enter")
    assert paused.evaluate("document.activeElement.className") == "motion-grip"
    paused.set_viewport_size({"width": 390, "height": 844})
    paused.clock.run_for(100)
    assert paused.locator(".teach-pad").bounding_box()["width"] >= 350
    press(paused, "see what it was taught")
    cut = "(names) => names.filter((name) => name.scrollWidth > name.clientWidth).length"
    assert paused.locator(".teach-gesture [type=text]").evaluate_all(cut) == 0
    places = "(all) => all.map((one) => one.getBoundingClientRect().y + scrollY)"
    before = paused.locator("[data-kind=teach] button").evaluate_all(places)
    paused.evaluate("teaching.say('A long sentence. '.repeat(30))")
    paused.clock.run_for(100)
    assert paused.locator("[data-kind=teach] button").evaluate_all(places) == before


def test_the_first_example_is_shown_by_itself_and_not_kept(paused):
    paused.wait_for_function("teaching.trials.trial")  # once the page is seen
    name = paused.locator(".teach-name")
    names = []
    for _ in range(40):
        names.append(name.text_content())
        paused.clock.run_for(40)
    assert {*names} == {"", "tick"}  # what plays is named right, or not yet
    assert counts_of(paused) == [5] * 6
    paused.clock.run_for(2000)
    assert paused.evaluate("teaching.trials.trial") is None  # the pad is free again


def test_who_begins_sees_few_controls_and_the_rest_once_it_is_unfolded(own):
    controls = own.locator("[data-kind=teach] :is(button, input, select, summary):visible")
    begins = controls.count()
    unfold(own)
    assert begins <= 10 and controls.count() >= begins + 8
    for panel in ("raster", "voltages"):  # and the network's panels, without scrolling
        box = own.locator(f".teach-{panel}").bounding_box()
        top = own.locator(".teach-pad").bounding_box()["y"]
        assert box["y"] + box["height"] - top < 720


def test_typing_a_name_chooses_its_gesture_and_a_stroke_is_moved_or_turned_round(own):
    name_field(own, 2).fill("seven")
    for end in (4, 2):
        draw(own, [[-10, -9], [10, -9], [0, 10 - end]])
    assert counts_of(own) == [0, 2]
    press(own, "stroke 1 of seven")
    own.get_by_role("combobox", name="Move the stroke").select_option("gesture 1")
    assert counts_of(own) == [1, 1] and said(own).startswith("gesture 1: 1 stroke.")
    press_now(own, "add the reverse of gesture 1")
    assert counts_of(own) == [1, 1, 1] and button(own, "add the reverse of gesture 1").is_disabled()


def test_the_tab_key_passes_names_chooses_none_and_goes_on_from_one_that_was_typed(own):
    name_field(own, 1).focus()
    for _ in range(2):
        own.keyboard.press("Tab")
    assert own.evaluate("document.activeElement.ariaLabel") == "Name of gesture 2"
    assert own.evaluate("teaching.gestures.chosen") == 0
    name_field(own, 1).press("End")
    own.keyboard.type("s")
    own.keyboard.press("Tab")
    own.clock.run_for(50)
    assert own.evaluate("document.activeElement.ariaLabel") == "delete gesture 1s"


def test_an_answer_stays_with_its_name_when_the_network_learns_on_meanwhile(paused):
    draw(paused, [[-9, -9], [9, -9], [-9, 9], [9, 9]])
    paused.evaluate("teaching.lesson.adopt(teaching.lesson.trained)")
    paused.evaluate("teaching.redraw()")
    paused.clock.run_for(50)
    assert button(paused, "right").is_visible()
    assert paused.locator(".teach-name").text_content() == "zed"


def test_with_reduced_motion_nothing_is_drawn_by_itself(visit):
    page = visit(reduced_motion="reduce").show(KIND)
    page.wait_for_timeout(1500)
    assert page.evaluate("teaching.trials.trial") is None


def test_keys_draw_too(own):
    own.get_by_role("button", name="The pad").focus()
    own.keyboard.down("ArrowRight")
    own.clock.run_for(400)
    own.keyboard.up("ArrowRight")
    own.clock.run_for(1000)
    assert said(own).startswith("gesture 1: 1 stroke.")
    (start, _), (end, y) = own.evaluate(
        "[0, -1].map((n) => teaching.gestures.all[0].strokes[0].path.at(n))"
    )
    assert end - start == pytest.approx(21) and y == 0  # of one size


def test_a_click_is_no_stroke(own):
    draw(own, [[0, 0], [0.1, 0]], lasts=80)
    assert said(own).startswith("That was too short to be seen") and counts_of(own) == [0, 0]


def test_a_name_that_cannot_be_is_refused_at_once(own):
    field = name_field(own, 2)
    twice = "Another gesture is called gesture 1: give this one its own name."
    for name, sentence in (
        ("gesture 1", twice),
        (" gesture 1 ", twice),
        (" ", "A gesture needs a name."),
    ):
        field.fill(name)
        assert said(own) == sentence
        field.blur()
        assert [name for name, *_ in strokes_of(own)] == ["gesture 1", "gesture 2"]
        assert field.input_value() == "gesture 2"


def test_without_a_camera_a_sentence_says_so_and_strokes_go_on(taught):
    press(taught, "webcam")
    hears(taught, "strokes")  # and not only that the camera is asked for
    assert "camera" in said(taught)
    assert taught.evaluate("teaching.recorder.webcam") is None


def before_camera(visit, *scripts):
    page = visit().page
    for script in (CAMERA, *scripts):
        page.add_init_script(script)
    page.reader.show(KIND)
    press_now(page, "teach it yours")
    return page


def test_a_webcam_shows_gestures_and_is_closed_or_unplugged(visit):
    page = before_camera(visit)
    press_now(page, "webcam")
    page.wait_for_function("teaching.gestures.all[0].strokes.length > 1")
    press_now(page, "webcam off")
    assert page.evaluate("teaching.recorder.webcam") is None

    press_now(page, "webcam")
    page.wait_for_function("teaching.recorder.webcam?.picture")
    before, _ = counts_of(page)
    page.evaluate("streams.at(-1).getTracks()[0].dispatchEvent(new Event('ended'))")
    assert said(page).startswith("The camera can't be used (it stopped)")
    assert page.evaluate("teaching.recorder.webcam") is None
    page.get_by_role("button", name="The pad").focus()  # strokes go on
    page.keyboard.down("ArrowRight")
    page.wait_for_function("teaching.trials.path?.at(-1)[0] > 8")  # however slow the computer is
    page.keyboard.up("ArrowRight")
    page.wait_for_function(f"teaching.gestures.all[0].strokes.length === {before + 1}")


@pytest.mark.parametrize("fails", [False, True])
def test_until_the_scripts_are_there_a_pad_stands_there_and_no_form(fails, visit):
    """If they never come, the picture does."""
    page = visit().page
    page.route("**/teach/figure.js", lambda route: route.abort() if fails else None)
    page.goto(page.reader.address + page_with(KIND), wait_until="commit")
    page.wait_for_selector("[data-kind=teach]")
    pad = "getComputedStyle(document.querySelector('[data-kind=teach]'), '::before').content"
    if fails:
        page.wait_for_selector("[data-kind=teach].is-image figure")
    else:
        page.wait_for_function(f"{pad} === '\"press and draw\"'")
    assert page.locator("[data-kind=teach] figure").is_visible() == fails
    assert (page.evaluate(pad) == "none") == fails


ENDED = "streams.every((one) => one.getTracks()[0].readyState === 'ended')"
PLAY = "HTMLMediaElement.prototype.play"


@pytest.mark.parametrize("pending", ["navigator.mediaDevices.getUserMedia", PLAY])
def test_the_webcam_can_be_switched_off_while_the_browser_still_asks(pending, visit):
    page = before_camera(visit, f"{pending} = () => new Promise(() => {{}});")
    press_now(page, "webcam")
    if pending.endswith("play"):
        page.wait_for_function("streams.length")
    press_now(page, "webcam off")
    assert said(page) == "The webcam is off." and page.evaluate("teaching.recorder.webcam") is None
    page.wait_for_function(ENDED)


REFUSED = f"{PLAY} = async () => {{ throw new DOMException('no', 'NotAllowedError'); }};"


@pytest.mark.parametrize("refusal", ["", REFUSED])
def test_one_stream_of_the_camera_at_a_time_and_every_path_stops_it(refusal, visit):
    page = before_camera(visit, refusal)
    unfold(page)
    button(page, "webcam").dblclick()
    page.wait_for_function("streams.length")
    if not refusal:
        assert page.evaluate("teaching.recorder.webcam") is None  # the second click took it back
    page.wait_for_function(ENDED)
    assert page.evaluate("streams.length") == 1


def test_on_a_phone_pad_training_and_answer_are_on_one_screen(visit):
    page = visit(width=390).page
    page.set_viewport_size({"width": 390, "height": 664})  # below the browser's bars
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    press_now(page, "train")
    page.locator(".teach-pad").evaluate("(pad) => pad.scrollIntoView({ block: 'start' })")
    page.locator("[data-kind=teach] progress").wait_for()  # until the next image is drawn
    for part in (".teach-train", "[data-kind=teach] progress", ".teach-summary"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 664, part


def test_strokes_are_one_stop_of_the_tab_key_and_every_control_has_a_name(listed):
    page = listed
    stops = page.locator(".teach-strokes button").evaluate_all(
        "(all) => all.filter(({ tabIndex }) => tabIndex >= 0).length"
    )
    assert stops == 6
    first = button(page, "stroke 1 of zed")
    first.focus()
    first.press("ArrowRight")
    focused = page.evaluate("document.activeElement.ariaLabel")
    assert focused == "stroke 2 of zed"
    nameless = page.locator("[data-kind=teach] :is(button, input, progress)").evaluate_all(
        "(all) => all.filter((one) => !one.ariaLabel && !one.textContent.trim()"
        "  && !one.labels?.length && one.type !== 'file').map((one) => one.outerHTML)"
    )
    assert nameless == []
