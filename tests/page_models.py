"""Cameras and networks of the pages, compared with those of Python."""

import numpy as np
import torch
from in_node import run

# What a camera is without when a script's events are compared with Python's.
NO_CHANCE = {"mismatch": 0, "timestamp_jitter_us": 0, "tie_probability": 0, "noise_rate_hz": 0}


class Middle(np.random.Generator):
    """Lets a camera's pixels start with their reference at the light."""

    def random(self, size=None, dtype=float):
        return np.full(size, 0.5, dtype)


def assert_same_events(found, expected):
    """Compare events by pixel; a time may be rounded to the next µs."""
    orders = [np.lexsort((each["t"], each["x"], each["y"])) for each in (found, expected)]
    for field, values in found.items():
        one, other = values[orders[0]], expected[field][orders[1]]
        assert len(one) == len(other)
        assert np.abs(one - other).max() <= (field == "t"), field


def assert_same_network(scripts, kind, network, films, state_of=lambda recording: recording):
    """Compare a page's network with Python's, in double precision so that rounding decides nothing.

    The page's sees one film after the other: nothing may stay from film to film.
    """
    network.record = True
    inputs = [
        [[[int(i), int(counts[i])] for i in counts.nonzero()[:, 0]] for counts in film.flatten(1)]
        for film in films
    ]
    answers = run(
        scripts,
        "const { [kind]: { Network }, [kind + 'Data']: data } = window.interactiveFigures;"
        "const network = new Network(data);"
        "return films.map((film) => { network.reset(); return film.map((counts) => ({"
        "  voltages: [...network.step(new Map(counts))], spikes: [...network.z] })); });",
        kind=kind,
        films=inputs,
    )
    for film, answer in zip(films, answers, strict=True):
        with torch.no_grad():
            voltages = network(film[:, None].double())[:, 0].numpy()
        spikes = state_of(network.recording).lif0.z[:, 0].numpy()
        assert [step["spikes"] for step in answer] == spikes.tolist() and spikes.sum() > 50
        assert np.abs([step["voltages"] for step in answer] - voltages).max() < 1e-4
