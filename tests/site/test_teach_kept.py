"""What *Teach it yours* keeps, sends and opens in a real browser: its store, tabs and links."""

import pytest
from teach_page import (
    EXAMPLES,
    KIND,
    NO_END,
    SLOW_STORE,
    act_on_stroke,
    add_stroke,
    button,
    counts_of,
    hears,
    name_field,
    open_again,
    press,
    press_now,
    said,
    say_no,
    say_yes,
    show,
    strokes_of,
    teach_two_directions,
    wait_for_weights,
    wait_until_all_is_kept,
    wait_until_it_learns,
    weights_of,
)


@pytest.fixture
def one_more(listed):
    """A page that keeps a stroke more than it arrives with."""
    add_stroke(listed, 0)
    wait_until_all_is_kept(listed)
    return listed


def test_nothing_is_lost_until_one_starts_over(paused):
    """Names, strokes, those thrown away, and the trained network are there again."""
    asked = len(paused.reader.asked)
    teach_two_directions(paused)
    name_field(paused, 1).fill("→ there")
    act_on_stroke(paused, "throw away", "stroke 1 of gesture 2")
    wait_until_all_is_kept(paused)
    assert all(one.startswith("blob:") for one in paused.reader.asked[asked:])  # nothing leaves
    before = strokes_of(paused), weights_of(paused)
    open_again(paused)
    assert (strokes_of(paused), weights_of(paused)) == before
    say_yes(paused)
    press(paused, "start over")
    paused.wait_for_function("teaching.gestures.all.length === 6")
    wait_until_all_is_kept(paused)
    open_again(paused)
    assert [name for name, *_ in strokes_of(paused)] == [*EXAMPLES]
    assert paused.evaluate("teaching.lesson.trained.gestures.length") == 6


LINK = (  # with three strokes of each of two gestures
    "() => { const { teach, teachData } = window.interactiveFigures;"
    "const gestures = [0, 3].map((place) => teachData.gestures[place]);"
    "const three = ({ name, strokes }) => ({ name, strokes: strokes.slice(0, 3) });"
    "const settings = { seed: 7, without: ['delays'], score: 8 };"
    "return teach.toHash(teach.packed(gestures.map(three), settings)); }"
)


def test_a_link_is_learnt_in_sight_and_its_strokes_stay_after_a_click_on_a_section(visit):
    page = visit().show(KIND)
    link = page.evaluate(LINK)
    page.add_init_script(NO_END)
    show(page, page.url + link)
    assert "2 gestures were taught here. Whoever sent you this had 8 of 10" in said(page)
    assert page.evaluate("document.querySelector('[name=delays]').checked")
    wait_until_it_learns(page)
    invitation = page.locator(".teach-invitation", has_text="2 gestures were taught here.")
    for shown in (invitation, page.locator("[data-kind=teach] progress"), button(page, "stop")):
        shown.wait_for()
    wait_for_weights(page)
    press_now(page, "stop")
    assert page.evaluate("teaching.challenge.asked") == 0 and invitation.is_visible()
    add_stroke(page, 0)
    page.evaluate("location.hash = '#four-steps'")  # a click on a section
    add_stroke(page, 1)
    wait_until_all_is_kept(page)
    page.reload()
    page.wait_for_selector("[data-kind=teach].is-interactive")
    assert counts_of(page) == [4, 4]


def test_a_link_is_shown_where_it_cannot_be_copied(listed):
    listed.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    assert not button(listed, "copy link").is_visible()  # nothing of one's own
    add_stroke(listed, 0)
    press_now(listed, "copy link")
    hears(listed, "The link stands below the buttons: copy it there")
    shown = listed.get_by_role("textbox", name="The link, to be copied")
    assert shown.input_value().startswith(f"{listed.url}#strokes=")


def test_a_full_or_refused_store_is_said_and_strokes_go_on(visit):
    page = visit().page
    page.add_init_script(
        "indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); };"
    )
    page.reader.show(KIND)
    note = page.locator(".teach-note")
    press_now(page, "teach it yours")
    page.wait_for_function("document.querySelector('.teach-note').textContent")
    assert note.text_content().startswith("This browser keeps nothing of this page (SecurityError)")
    add_stroke(page, 0)
    assert counts_of(page) == [1, 0]


def test_a_tab_in_a_name_and_a_reverse_at_eight_can_be_read_again(taught):
    for _ in range(2):
        press(taught, "add a gesture")
    for name in EXAMPLES[1::2]:
        name_field(taught, EXAMPLES.index(name) + 1).evaluate(
            "(field, name) => { field.value = name; field.oninput(); field.onchange(); }",
            f"a\t{name[:4]}",
        )
    reverses = taught.get_by_role("button", name="add the reverse of")
    assert reverses.evaluate_all("(all) => all.every(({ disabled }) => disabled)")
    press(taught, "record other movements (10 s)")
    assert reverses.evaluate_all("(all) => all.every(({ disabled }) => disabled)")
    wait_until_all_is_kept(taught)
    before = strokes_of(taught)
    open_again(taught)
    assert strokes_of(taught) == before and len(before) == 9


def test_nothing_is_clicked_or_kept_before_the_page_has_opened(one_more):
    page = one_more
    page.add_init_script(SLOW_STORE.replace("setTimeout(go, MS)", "window.answer = go"))
    page.goto(page.url)
    page.wait_for_function("document.querySelector('.teach-own')?.closest('[inert]')")
    page.locator(".teach-own").click(force=True)  # while the store hasn't answered
    page.evaluate("answer()")
    page.wait_for_selector("[data-kind=teach].is-interactive")
    assert counts_of(page) == [6, 5, 5, 5, 5, 5]
    assert page.evaluate("teaching.edits") == 0


def test_two_tabs_show_the_same_and_a_late_one_asks(visit):
    one = visit().show(KIND)
    press_now(one, "teach it yours")
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two = one.context.new_page()
    show(two, one.url)
    assert counts_of(two) == [1, 0]
    add_stroke(one, 1)
    two.wait_for_function("teaching.gestures.all[1].strokes.length === 1")
    two.evaluate("teaching.follow = () => {}")  # as in a tab that the browser has frozen
    add_stroke(one, 1)
    wait_until_all_is_kept(one)
    say_no(two)
    add_stroke(two, 0)
    two.wait_for_function("teaching.gestures.all[1].strokes.length === 2")
    assert counts_of(two) == counts_of(one) == [1, 2]
    say_yes(two)  # it is on the disk
    with two.expect_download() as download:
        two.get_by_role("button", name="download what was set aside").click()
    two.get_by_role("button", name="download what was set aside").wait_for(state="hidden")
    say_yes(two)
    two.locator("input[type=file]").set_input_files(download.value.path())
    two.wait_for_function("teaching.gestures.all[0].strokes.length === 2")  # what this tab had
    assert counts_of(two) == [2, 1]
