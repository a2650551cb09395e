"""What the interactive figures carry to the page."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pokersnn_helpers import EVENT_DTYPE, SNN, Classifier, Recordings, Split
from pokersnn_helpers.figures.interactive import (
    ALTERNATIVE_TEXTS,
    InteractiveFigure,
    interactive_event_cloud,
    interactive_motion,
    interactive_sliders,
    interactive_tau,
    interactive_trace,
)
from pokersnn_helpers.simulation.motions import film_motions
from pokersnn_helpers.system.norse_cells import LIFParameters, LIFRecurrentCell

STATIC = Path(__file__).parents[2] / "book" / "_static"


def content(figure):
    carried = re.search(r'<script type="application/json">(.*)</script>', figure._repr_html_())
    return json.loads(carried[1])


# ---- Every figure ----


def test_image_stands_beside_the_data_with_an_alternative_text(simulated):
    for figure in (
        interactive_event_cloud(simulated),
        interactive_motion(film_motions(1, seed=0).events[0]),
        interactive_tau(simulated.test.events[0]),
        interactive_trace(Classifier(SNN()), simulated, "heart"),
        *map(interactive_sliders, ALTERNATIVE_TEXTS),
    ):
        html = figure._repr_html_()
        assert f'data-kind="{figure.kind}"' in html
        assert (STATIC / "interactive" / f"{figure.kind}.js").is_file()
        assert re.search(r'<img alt="[^"]{80,}"', html)
        png = figure._repr_png_()
        assert base64.b64encode(png).decode() in html
        image = Image.open(io.BytesIO(png))
        assert image.width > 600
        assert len(image.getcolors()) > 5


def test_no_name_ends_the_json_block():
    name = "</script><!--"
    figure = InteractiveFigure("pixel", {name: 1}, b"", "a figure")
    assert content(figure) == {name: 1}
    html = figure._repr_html_()
    assert html.count("</script>") == 1
    assert "<!--" not in html


# ---- The cloud ----


def cloud_of(*events, targets, source="simulated"):
    test = Recordings([*events], targets, ("a", "b", "c"), (640, 480, 2))
    return interactive_event_cloud(Split(test, test, source))


def test_cloud_carries_the_first_recordings_of_each_class_that_has_some():
    events = np.array([(0, 639, 479, 1), (5, 0, 300, 0), (65_535, 3, 4, 1)], EVENT_DTYPE)
    figure = cloud_of(events, *4 * [events[1:]], targets=[0, 1, 1, 1, 1])
    recordings = content(figure)["recordings"]
    assert {name: len(some) for name, some in recordings.items()} == {"a": 1, "b": 3}
    for name, polarity in (("OFF", 0), ("ON", 1)):
        expected = events[events["p"] == polarity]
        for field, packed in recordings["a"][0][name].items():
            assert base64.b64decode(packed) == expected[field].astype("<u2").tobytes()


def test_what_is_not_simulated_is_refused_and_times_that_the_cloud_would_cut(simulated):
    events = np.array([(65_536, 0, 0, 1)], EVENT_DTYPE)
    with pytest.raises(ValueError, match=r"'own'.*may not be redistributed.*simulated"):
        cloud_of(events, targets=[0], source="own")
    with pytest.raises(ValueError, match=r"'own'.*may not be redistributed.*simulated"):
        interactive_trace(Classifier(SNN()), replace(simulated, source="own"), "heart")
    with pytest.raises(ValueError, match=r"65536 µs; the page takes 65,535"):
        cloud_of(events, targets=[0])


def test_neuron_of_a_recording_spikes_as_often_as_norse_s(simulated):
    figure = interactive_tau(simulated.test.events[3])
    drawn = content(figure)
    tau, threshold = torch.tensor([100, drawn["threshold"]])  # 1 / 10 ms
    neuron = LIFParameters(tau, tau, v_th=threshold)
    cell = LIFRecurrentCell(1, 1, p=neuron, dt=drawn["dt"] / 1000)
    cell.input_weights.data.fill_(drawn["weight"])
    state, spikes = None, 0
    for count in drawn["counts"]:
        z, state = cell(torch.tensor([[float(count)]]), state)
        spikes += int(z)
    assert spikes > 3
    assert f"its {spikes} spikes" in figure.alt


def test_a_figure_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match=r"kind is 'neurons'; choose one of pixel, neuron, "):
        interactive_sliders("neurons")
