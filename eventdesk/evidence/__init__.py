"""How a claim about accuracy is measured.

Begin with ``protocol``, which says who may learn from, choose by and test on what, and
cross-validates. ``estimators`` train networks and simple models in the same way, ``parallel``
several at a time. ``intervals`` says how sure an accuracy is, ``differences`` a difference of two.
``perturbations`` and ``portions`` take something away from recordings.
"""
