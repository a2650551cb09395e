"""What the chapters on evidence measure with; nothing here is needed to train a network.

``losses``         losses over time and over events, firing-rate regularisation, for ``fit``.
``models``         the networks that are compared, and features for ordinary classifiers.
``protocol``       estimators, cross-validation that keeps groups apart, bootstrap intervals.
``perturbations``  recordings with something taken away, added or moved.
``latency``        predictions at every time step, when to stop waiting, sparse networks.
``operations``     what an answer costs, counted; ``energy``: what that may take.
``comparison``     how much two sets of recordings are alike.
"""
