"""What *Does it need spikes?* above all measures with.

Begin with ``protocol``, which cross-validates models, with ``intervals`` for what they reach, and
with ``models``, the networks that are compared. ``estimators`` train all of these, ``parallel``
several at a time. ``event_statistics`` says how events lie in space and time, ``perturbations``
take something away from recordings, ``measured`` reads what took too long for a page, and ``page``
says what a page expects of its code.
"""
