"""The network in other simulators, for chapter 12.

Begin with ``nir_files``: it saves the network as a graph of NIR, and loads such a graph.
"""
