import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from pokersnn_helpers import to_frames
from pokersnn_helpers.figures.animations import animate_frames, animate_pixel
from pokersnn_helpers.simulation import EventCamera


@pytest.fixture(autouse=True)
def no_figures():
    plt.close("all")  # those that other tests have left


def check(animation, frames):
    html = animation._repr_html_()
    assert "http" not in html.replace("http://www.w3.org", "")
    assert 'class="fa' not in html and "▶" in html
    assert '<img alt="An animation of' in html and "aria-label" in html
    assert html.count("data:image/png;base64") == frames
    assert not plt.get_fignums()


def test_film_of_frames_needs_no_other_host(simulated):
    events, _ = simulated.test[0]
    check(animate_frames(to_frames(events)[:3], time_window=1000, title="club"), 3)


def test_film_has_the_shape_of_the_sensor():
    html = animate_frames(torch.ones(2, 2, 60, 120), time_window=1000, title="x")._repr_html_()
    encoded = re.search(r"data:image/png;base64,([^\"]+)", html)[1].replace("\\\n", "")
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert 1.5 < picture.width / picture.height < 2


@pytest.mark.parametrize("sign", [1, -1])
def test_film_of_a_pixel_needs_no_other_host(sign):
    times = np.linspace(0, 10, 101)  # ms
    log_intensity = sign * np.sin(times / 2)
    camera = EventCamera()
    events = camera.record(log_intensity.reshape(-1, 1, 1), 100, np.random.default_rng(0))
    check(animate_pixel(times, log_intensity, events, camera), 25)
