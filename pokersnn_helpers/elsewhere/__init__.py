"""The network in other simulators.

Begin with ``nir_files``: it saves the network as a graph of NIR, and loads such a graph.
"""
