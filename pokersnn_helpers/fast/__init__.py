"""FastSNN: the network of ``snn.py`` with the same results and gradients, many times as fast.

``SNN`` leaves the backward pass to autograd, which notes every operation of every time step. Here
it is written by hand (backpropagation through time), and input is sparse, so that a step costs what
its events and spikes cost. Only then can time bins be much finer than 0.1 ms, down to 1 µs.

- ``rows.py``: what isn't 0 in frames, as the loops read it.
- ``loops.py``: the loops that Numba compiles; a time step stands beside the step back.
- ``threads.py``: two halves of a batch side by side, and BLAS on one thread.
- ``fast_snn.py``: ``FastSNN``, what it refuses, and its passes through time, which call the loops.
- ``layered.py``: ``FrameLinear``, an ordinary layer that adds what isn't 0 in the same way, and
  ``LayerThenSNN``, which has one before a ``FastSNN``.
"""

from .fast_snn import FastSNN
from .layered import FrameLinear, LayerThenSNN

__all__ = ["FastSNN", "FrameLinear", "LayerThenSNN"]
