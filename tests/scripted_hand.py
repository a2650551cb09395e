"""A hand that moves as a script says: a path of a second, reported every 8 to 16 ms."""

import motion_network
import numpy as np

from pokersnn_helpers.simulation.motions import COURSES


def scripted(motion, rng):
    """Return reports [time, x, y] of a straight or circular path, jittered in speed and shape."""
    time = np.cumsum(rng.uniform(8, 16, 83))
    pace = np.interp(time, np.linspace(0, 1000, 6), rng.uniform(0.5, 1.5, 6))
    share = np.cumsum(pace) / pace.sum()
    x, y, sense = COURSES[motion]
    if sense:
        angle = 2 * np.pi * (rng.uniform(0.9, 2) * share + rng.random())
        radii = rng.uniform(6, 12) * rng.uniform(0.85, 1.15, (2, 1))
        path = radii * [np.cos(angle), sense * np.sin(angle)]
    else:
        slant = rng.uniform(-0.25, 0.25)
        course = np.array([[x - slant * y], [y + slant * x]])
        path = course * rng.uniform(14, 32) * share
    path = path + rng.normal(0, 0.1, path.shape)
    path += [[motion_network.on_the_pad(places, rng)[0] - places[0]] for places in path]
    return np.stack([time, *path], axis=1).tolist()
