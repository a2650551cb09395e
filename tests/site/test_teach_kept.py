"""What *Teach it yours* keeps, sends and opens: archives, links, tabs and a slow store."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from book_site import page_with
from teach_page import (
    EXAMPLES,
    KIND,
    SETUP,
    SLOW_STORE,
    act_on_stroke,
    add_stroke,
    button,
    counts_of,
    draw,
    hears,
    hears_no_end,
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
    wait_until_all_is_kept,
    wait_until_it_learns,
    weights_of,
    wobbly,
)

from eventdesk.files.folders import load_folder


@pytest.fixture
def one_more(listed):
    """A page that keeps a stroke more than it arrives with."""
    add_stroke(listed, 0)
    wait_until_all_is_kept(listed)
    return listed


@pytest.mark.filterwarnings("ignore:.*are they the same")
def test_every_gesture_has_a_folder_of_its_own_that_is_read(still, tmp_path):
    names = ["wave 1", "wave-1", "WAVE 1", "wave 1 2", "→", "←", "up!", "up?", " up", "(left)", "_"]
    zipped = still.evaluate(
        "async (names) => { const { teach } = window.interactiveFigures;"
        "const strokesAt = (x) => [{ events: [[0, x, 0], [9, x, 1]] }];"
        "const gestures = names.map((name, x) => ({ name, strokes: strokesAt(x) }));"
        "return [...new Uint8Array(await teach.strokeFiles(gestures, {}).arrayBuffer())]; }",
        names,
    )
    with zipfile.ZipFile(BytesIO(bytes(zipped))) as archive:
        archive.extractall(tmp_path)
    recordings = load_folder(tmp_path / "gestures", sensor_size=(35, 35, 1)).recordings
    folders = {folder.name.lower() for folder in (tmp_path / "gestures").iterdir()}
    assert len(folders) == len(names)  # on a disk that knows no capitals, too
    assert {*recordings.classes} == {name.strip() for name in names}
    assert sorted(events["x"][0] for events in recordings.events) == [*range(len(names))]


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
    draw(paused, wobbly(np.random.default_rng(8)))
    assert said(paused).startswith("The network says → there (")  # as it is called now
    say_yes(paused)
    press(paused, "start over")
    paused.wait_for_function("teaching.gestures.all.length === 6")
    wait_until_all_is_kept(paused)
    open_again(paused)
    assert [name for name, *_ in strokes_of(paused)] == [*EXAMPLES]
    assert paused.evaluate("teaching.lesson.trained.gestures.length") == 6


LINK = (
    "() => {" + SETUP + "const code = ([shown]) => teach.write(shown.path);"
    "const gestures = ['tick', 'zed, backwards'].map((name, number) => ({ name: `${name} ✓`,"
    "  strokes: [0, 1, 2].map((nth) => ({ code: code(strokesOf(name, 1, 9 * number + nth)) })) }));"
    "const settings = { seed: 7, without: ['delays'] };"
    "return teach.toHash(teach.packed(gestures, settings)); }"
)


LEARNT = (  # a hash of what a short lesson makes of the strokes that are shown
    "() => {" + SETUP + "const { all: gestures } = teaching.gestures;"
    "const strokes = gestures.flatMap(({ strokes }, target) =>"
    "  strokes.map(({ path }) => ({ target, path })));"
    "const whole = { ...teach.TRAINING };"
    "Object.assign(teach.TRAINING, { copies: 6, steps: 4 });"
    "const request = { strokes, outputs: 2, seed: 7, settings: motionData.settings, without: [] };"
    "const { weights } = [...teach.train(request)].at(-1); Object.assign(teach.TRAINING, whole);"
    "return weights.map((some) => [...new Uint32Array(some.slice().buffer)].reduce("
    "  (hash, word) => Math.imul(hash ^ word, 16777619), 7)); }"
)


def test_a_link_brings_the_same_strokes_and_network_and_leaves_own_ones(paused, visit, still):
    address = paused.reader.address + page_with(KIND) + still.evaluate(LINK)
    other = visit().page
    found = []
    for page in (paused, other):
        show(page, address)
        found.append((strokes_of(page), page.evaluate(LEARNT)))
    assert found[0] == found[1]
    assert [name for name, *_ in found[0][0]] == ["tick ✓", "zed, backwards ✓"]
    assert other.evaluate("document.querySelector('[name=delays]').checked")
    assert said(other).startswith("2 gestures were taught here.")
    open_again(paused)
    assert len(strokes_of(paused)) == 6  # the examples that this browser had


CLIPBOARDS = {  # and what is said of the link then
    "{ writeText: async (text) => { window.copied = text; } }": "A link is copied",
    "undefined": "The link stands below the buttons: copy it there",
}


@pytest.mark.parametrize("clipboard", CLIPBOARDS)
def test_a_link_with_six_gestures_is_short_copied_or_shown_and_the_address_stays(clipboard, listed):
    listed.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    address = listed.url
    assert not button(listed, "copy link").is_visible()  # nothing of one's own
    add_stroke(listed, 0)
    press_now(listed, "copy link")
    hears(listed, CLIPBOARDS[clipboard])
    shown = listed.get_by_role("textbox", name="The link, to be copied")
    link = listed.evaluate("window.copied") or shown.input_value()
    assert link.startswith(f"{address}#strokes=") and len(link) <= 8000
    assert listed.url == address


@pytest.mark.parametrize("again", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_page_opens_its_own_zip_again(again, paused, tmp_path):
    """As it was, or packed once more by another program, in a folder."""
    before = strokes_of(paused)
    press(paused, "see what it was taught")
    with paused.expect_download() as download:
        press(paused, "download strokes")
    with (
        zipfile.ZipFile(download.value.path()) as archive,
        zipfile.ZipFile(tmp_path / "again.zip", "w", again) as repacked,
    ):
        for name in archive.namelist():
            repacked.writestr(f"folder/{name}", archive.read(name))
    press(paused, "teach it yours")
    draw(paused, [[-10, 0], [10, 0]])
    chooser = paused.locator("input[type=file]")
    (tmp_path / "no.zip").write_bytes(b"no zip file")
    chooser.set_input_files(tmp_path / "no.zip")
    hears(paused, "no whole zip")
    assert len(strokes_of(paused)) == 2
    say_no(paused)  # it asks before strokes go
    with paused.expect_event("dialog"):
        chooser.set_input_files(tmp_path / "again.zip")
    assert counts_of(paused) == [1, 0]
    say_yes(paused)
    chooser.set_input_files(tmp_path / "again.zip")
    hears(paused, "is open")
    assert strokes_of(paused) == before


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


def test_a_store_that_is_slow_keeps_all_the_same_and_asks_about_no_other_tab(visit):
    page = visit().page
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.add_init_script(SLOW_STORE.replace("MS", "1500"))
    page.reader.show(KIND)
    press_now(page, "see what it was taught")
    for _ in range(2):
        add_stroke(page, 0)
        page.wait_for_timeout(300)
    wait_until_all_is_kept(page)
    assert page.locator(".teach-note").text_content().startswith("Strokes and network are kept")
    assert asked == []


def test_another_tab_ends_no_training_and_takes_no_stroke_that_waits(visit):
    one = visit().show(KIND)
    two = one.context.new_page()
    show(two, one.url)
    press_now(one, "see what it was taught")
    press_now(two, "see what it was taught")
    hears_no_end(two)
    press_now(two, "train")
    wait_until_it_learns(two)
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two.wait_for_timeout(300)
    assert two.evaluate("teaching.lesson.goesOn") and counts_of(two) == [5] * 6
    say_no(two)  # take what the other tab has
    press_now(two, "stop")
    two.wait_for_function(
        "teaching.phase === 'ready' && teaching.gestures.all[0].strokes.length === 6"
    )
    two.evaluate("teaching.lesson.forget()")
    add_stroke(two, None)
    add_stroke(one, 0)
    wait_until_all_is_kept(one)
    two.wait_for_timeout(300)
    assert two.evaluate("teaching.trials.waiting.length") == 1


def test_strokes_still_wait_for_what_is_shown_and_one_that_is_drawn_is_set_aside(one_more):
    page = one_more
    page.evaluate("teaching.lesson.forget()")
    add_stroke(page, None)
    kept = "await window.interactiveFigures.teach.kept('')"
    page.evaluate(f"async () => teaching.take({kept})")
    assert page.evaluate("teaching.trials.waiting.length") == 1
    page.once("dialog", lambda dialog: dialog.dismiss())  # take what the other tab has
    aside = page.evaluate(
        "async () => { const { teach } = window.interactiveFigures;"
        "  teaching.gestures.chosen = 1; teaching.trials.begin([0, 0]);"
        "  for (let step = 1; step <= 60; step++) teaching.trials.advance([step / 4, step / 9]);"
        "  teaching.pad.next = () => null;"  # it is still being drawn
        f"  await teaching.settle({kept}); const [[, {{ packed }}]] = await teach.allAside();"
        "  return packed.gestures.map(({ strokes }) => strokes.length); }"
    )
    assert aside[1] > 5 and counts_of(page) == [6, 5, 5, 5, 5, 5]


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


def test_strokes_drawn_on_the_page_of_a_link_are_there_again(visit, still):
    links = [still.evaluate(LINK.replace("seed: 7", f"seed: {seed}")) for seed in (7, 8)]
    page = visit().show(KIND)
    plain = page.url
    for link in (links[0], links[1], links[0]):
        show(page, plain + link)
        before = counts_of(page)
        add_stroke(page, 0)
        wait_until_all_is_kept(page)
    assert before == [4, 3] and counts_of(page) == [5, 3]
    page.evaluate("location.hash = '#four-steps'")  # a click on a section
    add_stroke(page, 1)
    wait_until_all_is_kept(page)
    page.reload()
    page.wait_for_selector("[data-kind=teach].is-interactive")
    assert counts_of(page) == [5, 4]
    say_yes(page)
    press_now(page, "start over")
    page.wait_for_function("teaching.gestures.all[0].strokes.length === 3")
    assert said(page) == "These are the strokes of the link again."
    wait_until_all_is_kept(page)
    show(page, plain)
    assert counts_of(page) == [5] * 6


def test_of_what_was_kept_a_damaged_network_is_left_out_with_a_word(one_more):
    page = one_more
    page.evaluate(
        "() => { const store = idbKeyval.createStore('teach it yours', 'teach it yours');"
        "  return idbKeyval.update('own', (content) => {"
        "    content.lesson.weights = [[1], [2]]; return content; }, store); }"
    )
    show(page, page.url)
    assert counts_of(page) == [6, 5, 5, 5, 5, 5]
    assert "The network can’t be read" in said(page)
    assert page.evaluate("teaching.lesson.trained") is None


def test_many_strokes_are_opened_in_pieces(listed):
    pauses, strokes = listed.evaluate(
        "async () => { const { shared, teachData } = window.interactiveFigures;"
        "  const [record] = teachData.gestures[0].strokes, { pause } = shared;"
        "  let pauses = 0; shared.pause = () => { pauses += 1; return pause(); };"
        "  const gestures = Array(6).fill({ name: 'a', strokes: Array(60).fill(record) });"
        "  const all = await teaching.filmed(gestures);"
        "  return [pauses, all.flatMap(({ strokes }) => strokes).length]; }"
    )
    assert strokes == pauses == 360


def test_a_link_is_a_challenge(visit, still):
    page = visit().show(KIND)
    link = still.evaluate(LINK.replace("seed: 7", "seed: 7, score: 8"))
    show(page, page.url + link)
    assert "2 gestures were taught here. Whoever sent you this had 8 of 10" in said(page)
    wait_until_it_learns(page)
    # Is in sight while it trains by itself.
    invitation = page.locator(".teach-invitation", has_text="2 gestures were taught here.")
    for shown in (invitation, page.locator("[data-kind=teach] progress"), button(page, "stop")):
        shown.wait_for()
    page.wait_for_function("teaching.challenge", timeout=300_000)
    assert "1 of 10: draw " in said(page)
    right = page.evaluate(
        "() => { const { challenge, lesson } = teaching;"
        "  for (let stroke = 0; stroke < 10; stroke++) challenge.judge("
        "    stroke % 3 ? lesson.trained.gestures.indexOf(challenge.gesture) : null);"
        "  return challenge.right; }"
    )
    assert right == 6 and said(page).endswith("6 of 10. Send a link with your score.")
    score = page.evaluate(
        "() => { const { teach } = window.interactiveFigures;"
        "  return teach.fromHash(teach.toHash(teaching.content().packed)).score; }"
    )
    assert score == 6
    page.wait_for_function(
        "[...document.querySelectorAll('button')].some((one) =>"
        "  one.textContent === 'copy link with your score')"
    )
    wait_until_all_is_kept(page)
    show(page, page.url)  # by then it has learnt them
    assert "1 of 10" in said(page)
    invitation.wait_for()
