import base64
import io
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from pokersnn_helpers import to_frames
from pokersnn_helpers.figures.animations import animate_frames
from pokersnn_helpers.figures.colours import ACCENT, OFF, ON


@pytest.fixture(autouse=True)
def no_figures():
    plt.close("all")  # those that other tests have left


def parts(player):
    """Return what the player's script reads, and the image that it starts with."""
    html = player._repr_html_()
    content = json.loads(re.search(r'<script type="application/json">(.+?)</script>', html)[1])
    return content, re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]


def pixels(encoded):
    return np.array(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))


def test_player_of_a_recording_is_small_and_needs_no_other_file(simulated):
    for events in simulated.test.events[:4]:
        frames = to_frames(events)
        html = animate_frames(frames, time_window=1000, title="club")._repr_html_()
        assert len(html) < 60_000
        assert not re.search(r"https?:|src=\"(?!data:)|href=", html)
        assert not plt.get_fignums()


def test_player_has_a_frame_for_each_time_bin_and_starts_with_the_fullest():
    frames = torch.zeros(3, 2, 60, 120)
    frames[1, 1, 5, 7] = 2
    content, shown = parts(animate_frames(frames, time_window=500, title="x"))
    assert len(content["frames"]) == 3 and content["step"] == 0.5
    assert shown == content["frames"][1]
    assert "0.5 to 1 ms" in animate_frames(frames, time_window=500, title="x").html


def test_frames_of_the_player_show_on_minus_off():
    frames = torch.zeros(1, 2, 4, 6)
    frames[0, 1, 0, 1], frames[0, 0, 2, 3] = 9, 9
    frames[0, :, 3, 3] = 5  # as many ON as OFF
    frames[0, 1, 1, 1] = 1
    _, encoded = parts(animate_frames(frames, time_window=1000, title="x"))
    image = pixels(encoded)
    assert image.shape == (4, 6, 4)
    for place, colour in (((0, 1), ON), ((2, 3), OFF)):
        assert image[place] == pytest.approx([*(255 * np.array(to_rgb(colour))), 255], abs=1)
    assert image[1, 1, 3] == pytest.approx(255 / 2, abs=2)  # fainter, as it is one event
    alpha = image[..., 3].copy()
    alpha[[0, 2, 1], [1, 3, 1]] = 0
    assert not alpha.any()


def test_title_of_the_player_is_text():
    html = animate_frames(torch.zeros(1, 2, 4, 4), time_window=1000, title='<b> "x"').html
    assert "<b> " not in html and "&lt;b&gt;" in html


def test_player_of_one_polarity_shows_the_counts_and_neither_on_nor_off():
    frames = torch.zeros(1, 1, 4, 6)
    frames[0, 0, 2, 3] = 9
    animation = animate_frames(frames, time_window=1000, title="x")
    image = pixels(parts(animation)[1])
    assert image[2, 3] == pytest.approx([*(255 * np.array(to_rgb(ACCENT))), 255], abs=1)
    assert np.count_nonzero(image[..., 3]) == 1
    assert "</b> all<" in animation.html and "OFF" not in animation.html


@pytest.mark.parametrize("window", [np.nan, 0, True, "1"])
def test_time_window_that_is_no_number_is_named(window):
    with pytest.raises(ValueError, match="time_window is "):
        animate_frames(torch.ones(2, 2, 4, 4), window, "x")
