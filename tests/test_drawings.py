"""Checks on the drawings of concepts: legible, in the one colour code, true to the equations."""

import io
import re
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from norse.torch.functional.lif import LIFParameters, LIFState, lif_step

from pokersnn_helpers.figures import colours, drawings, use_book_style
from pokersnn_helpers.figures.networks import lif_traces

CODE = {
    *(colours.ON, colours.OFF, colours.ACCENT, *colours.CLASS_COLOURS.values()),
    *(colours.TEXT, colours.GREY, colours.GRID, colours.SHADE, colours.PAPER),
}


@pytest.fixture(
    params=["pixel_drawing", "batch_drawing", "spike_drawing", "unrolled_drawing"], scope="module"
)
def drawing(request):
    with plt.style.context("default"):
        use_book_style()
        yield getattr(drawings, request.param)()
        plt.close("all")


def texts(fig):
    """Texts and where they are, without the ticks of an axis that is switched off."""
    fig.canvas.draw()
    shown = [text for ax in fig.axes for text in ax.texts]
    return [(text, text.get_window_extent()) for text in shown if text.get_text()]


def test_is_as_wide_as_every_figure(drawing):
    assert drawing.get_figwidth() == 6
    assert drawing.get_figheight() < 5


def test_text_is_large_enough_for_a_phone(drawing):
    assert {text.get_fontsize() for text, _ in texts(drawing)} == {12.5}


def test_no_text_leaves_the_figure(drawing):
    for text, place in texts(drawing):
        inside = drawing.bbox.padded(-3)  # pixels
        assert inside.contains(*place.min) and inside.contains(*place.max), text


def test_no_text_overlaps_another_one(drawing):
    found = texts(drawing)
    assert len(found) > 5
    for (one, here), (other, there) in combinations(found, 2):
        assert not here.overlaps(there), (one, other)


def test_has_colours_of_the_code_only(drawing):
    drawing.savefig(file := io.StringIO(), format="svg")
    used = set(re.findall("#[0-9a-f]{6}", file.getvalue()))
    assert {colours.ACCENT, colours.TEXT} <= used <= CODE
    assert {image.get_cmap().name for ax in drawing.axes for image in ax.images} <= {"events"}


def test_neuron_follows_the_equations_of_norse():
    arrivals = np.zeros(300)
    arrivals[[5, 90, 92, 95]] = 1
    spikes, voltage, current = lif_traces(0.6 * arrivals, 1e-3, 0.3)
    inverse = torch.tensor(100.0)
    neuron = LIFParameters(tau_syn_inv=inverse, tau_mem_inv=inverse, v_th=torch.tensor(0.3))
    state, steps = LIFState(*torch.zeros(3, 1, 1)), []
    weight, none = torch.full((1, 1), 0.6), torch.zeros(1, 1)
    for arrived in torch.as_tensor(arrivals, dtype=torch.float32):
        spike, state = lif_step(arrived.reshape(1, 1), state, weight, none, neuron, dt=1e-3)
        steps.append((state.i.item(), state.v.item(), spike.item()))
    assert spikes.sum() >= 2
    assert np.allclose([current, voltage, spikes], np.array(steps).T, atol=1e-6)
