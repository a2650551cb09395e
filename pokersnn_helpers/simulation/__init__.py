"""Simulated recordings: pips of cards pass before a simulated event camera.

*When time decides* films motions, *How an event camera sees* builds and questions the camera, *Your
own recordings* films gestures, and all else falls back on ``simulate_pokerdvs`` where the real
recordings aren't available. No real recording is read.

``camera``      log intensities in, events out; knows nothing of cards.
``pips``        the shapes of the four suits.
``cards``       how a card moves, is lit and is tracked, as fitted to POKER-DVS.
``dataset``     a whole set of recordings, in the form of the real one.
``motions``     six motions that no sum of events can tell apart in pairs.
``gestures``    three gestures of four people.

``event_statistics`` compares simulated recordings with real ones.
"""

from .camera import EventCamera
from .cards import simulate_recording
from .dataset import simulate_passes, simulate_pokerdvs

__all__ = [
    "EventCamera",
    "simulate_passes",
    "simulate_pokerdvs",
    "simulate_recording",
]
