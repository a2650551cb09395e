"""Tests of the built book in a browser, all of them slow; without either they are skipped.

Not so where the environment variable POKERSNN_SITE_TESTS is "required", as in .ci/run.
"""

import os
import shutil

import pytest
from book_site import HTML, Visit, served
from teach_page import address_of, press, press_now, show

# The first has no window, and opens a page with half the work.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def pytest_itemcollected(item):
    item.add_marker(pytest.mark.slow)


def do_without(reason):
    if os.environ.get("POKERSNN_SITE_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def built():
    if not (HTML / "index.html").is_file():
        do_without("the book isn't built: run jupyter-book build .")
    return HTML


@pytest.fixture(scope="session")
def address(built):
    with served() as address:
        yield address


@pytest.fixture(scope="session")
def executable(built):
    """The path of the browser."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    do_without(f"no browser is installed: none of {', '.join(BROWSERS)} is on the path")


@pytest.fixture(scope="session")
def playwright(built):
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        do_without("Playwright isn't installed: uv pip install -e '.[site]'")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(executable, playwright):
    # WebGL computed by the CPU, and a sandbox where there may be one: not for the superuser.
    options = ["--enable-unsafe-swiftshader"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=executable, args=options)
    yield browser
    browser.close()


@pytest.fixture
def visit(browser, address):
    visits = []

    def start(**settings):
        visits.append(Visit(browser, address, **settings))
        return visits[-1]

    yield start
    for one in visits:
        one.context.close()


@pytest.fixture
def figure(request, visit):
    """A function that opens a module's figure, whose time passes as the test lets it."""
    return lambda **settings: visit(**settings).show_in_its_own_time(request.module.KIND)


@pytest.fixture
def paused(visit):
    """*Teach it yours*, where time passes only as a test runs the page's clock."""
    page = visit().page
    page.clock.install(time=0)  # what a hand does must not depend on how busy a computer is
    page.clock.pause_at(1)  # before the page waits for its store, which no jump may cut short
    show(page, address_of(page))
    page.clock.run_for(50)
    yield page
    assert page.reader.problems == []


@pytest.fixture
def taught(paused):
    press(paused, "see what it was taught")
    return paused


@pytest.fixture
def own(paused):
    press(paused, "teach it yours")
    return paused


@pytest.fixture
def listed(visit):
    """*Teach it yours* with the list of what it was taught, in time that passes by itself."""
    page = visit().show("teach")
    press_now(page, "see what it was taught")
    return page
