"""Show it a card: what moves the figure, and the landing page around it."""

import re

import book_site as site
from book_site import FIGURE, said, state

PAGE, KIND = "book/index.html", "card"


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


@site.published
def test_buttons_of_the_landing_page_lead_on(visit):
    reader = visit(width=390)
    page = reader.page
    page.goto(reader.address + PAGE)
    colab = page.locator(".landing-buttons").get_by_role("link", name="Open in Colab")
    assert colab.get_attribute("href").endswith("/book/on_one_page.ipynb")
    page.get_by_role("link", name="Start reading").click()
    page.wait_for_url("**/loading_the_data.html")
