"""Recordings that are ready to use.

``pokerdvs`` loads the cards of POKER-DVS from files that ``pokerdvs_archives`` finds or downloads,
or simulates them; ``nmnist`` has digits of N-MNIST.
"""
