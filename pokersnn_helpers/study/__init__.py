"""What chapter 7 above all measures with; nothing here is needed to train a network.

Begin with ``protocol``, which cross-validates models and draws intervals, and with ``models``, the
networks that are compared. ``perturbations`` take something away from recordings, ``losses`` and
``latency`` ask for early answers, and ``measured`` reads what took too long for a page.
"""
