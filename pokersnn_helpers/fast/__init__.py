"""FastSNN: the network of ``networks.snn`` with the same results and gradients, many times as fast.

``SNN`` leaves the backward pass to autograd, which notes every operation of every time step. Here
it is written by hand (backpropagation through time), and input is sparse, so that a step costs what
its events and spikes cost. Only then can time bins be much finer than 0.1 ms, down to 1 µs.

- ``rows.py``: what isn't 0 in frames, as the loops read it.
- ``loops.py``: the loops that Numba compiles; a time step stands beside the step back.
- ``threads.py``: two halves of a batch side by side, and BLAS on one thread.
- ``fast_snn.py``: ``FastSNN``, what it refuses, and its passes through time, which call the loops.
"""

from .fast_snn import FastSNN

__all__ = ["FastSNN"]
