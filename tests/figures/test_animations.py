import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from PIL import Image

from pokersnn_helpers import to_frames
from pokersnn_helpers.figures.animations import animate_frames
from pokersnn_helpers.figures.colours import ACCENT, OFF, ON


def content(player):
    """Return what the player's script reads, and the image that it starts with."""
    html = player._repr_html_()
    json_text = re.search(r'<script type="application/json">(.+?)</script>', html)[1]
    image = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    return json.loads(json_text), image


def pixels(frames):
    """Return the RGBA pixels of the image that a player of frames starts with."""
    _, encoded = content(animate_frames(frames, time_window=1000, title="x"))
    png = base64.b64decode(encoded)
    return np.array(Image.open(io.BytesIO(png)).convert("RGBA"))


def opaque(colour):
    return pytest.approx(255 * np.array(to_rgba(colour)), abs=1)


def test_player_of_a_recording_needs_no_other_file(simulated):
    frames = to_frames(simulated.test.events[0])
    html = animate_frames(frames, time_window=1000, title='<b> "$x"').html
    assert not re.search(r"https?:|src=\"(?!data:)|href=", html)
    assert "<b> " not in html  # a title is text
    assert "&lt;b&gt; &quot;$x" in html


def test_player_has_a_frame_for_each_time_bin_and_starts_with_the_fullest():
    frames = torch.zeros(3, 2, 60, 120)
    frames[1, 1, 5, 7] = 2
    player = animate_frames(frames, time_window=500, title="x")
    carried, shown = content(player)
    assert len(carried["frames"]) == 3
    assert carried["step"] == 0.5
    assert shown == carried["frames"][1]
    assert "0.5 to 1 ms" in player.html


def test_frames_of_the_player_show_on_minus_off():
    frames = torch.zeros(1, 2, 4, 6)
    off, on = frames[0]
    on[0, 1] = off[2, 3] = 9
    frames[0, :, 3, 3] = 5  # as many ON as OFF
    on[1, 1] = 1
    image = pixels(frames)
    assert image[0, 1] == opaque(ON)
    assert image[2, 3] == opaque(OFF)
    assert image[1, 1, 3] == pytest.approx(255 / 2, abs=2)  # fainter, as it is one event
    assert np.count_nonzero(image[..., 3]) == 3


def test_player_of_one_polarity_shows_the_counts_and_neither_on_nor_off():
    frames = torch.zeros(1, 1, 4, 6)
    frames[0, 0, 2, 3] = 9
    image = pixels(frames)
    assert image[2, 3] == opaque(ACCENT)
    assert np.count_nonzero(image[..., 3]) == 1
    html = animate_frames(frames, 1000, "x").html
    assert "</b> all<" in html
    assert "OFF" not in html
