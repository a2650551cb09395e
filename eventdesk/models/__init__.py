"""Models that stand beside the book's network.

``ordinary`` has the networks that others would take, ``layered`` the network behind an ordinary
layer, ``detector`` what it looks like to find motion, and ``named`` the names of all. ``features``
are numbers that describe recordings, for trees and regressions.
"""
