"""What chapter 7 above all measures with; nothing here is needed to train a network.

Begin with ``protocol``, which cross-validates models, with ``intervals`` for what they reach, and
with ``models``, the networks that are compared; ``estimators`` train these. ``perturbations`` take
something away from recordings, ``latency`` asks for early answers, and ``measured`` reads what took
too long for a page.
"""
