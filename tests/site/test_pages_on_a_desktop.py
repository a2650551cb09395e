"""Every page on a desktop, in both themes, in a real browser.

Apart from those on a phone, so that two processes share the work.
"""

import pytest
from book_site import PAGES, THEMES
from sound_pages import read_in_both_themes


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_on_a_desktop_in_both_themes(name, visit):
    read_in_both_themes(visit(width=1280, theme="dark"), name, 1280, THEMES[::-1])
