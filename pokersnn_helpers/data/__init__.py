"""Recordings that are ready to use: POKER-DVS, downloaded or simulated, and digits of N-MNIST."""
