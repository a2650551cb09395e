"""Ask whether recordings need time.

``candidates`` are models with and without a memory, some of which see only ``portions`` of
recordings or ``features`` of their events. ``compare`` trains and tests them, ``differences``
between them have an interval, ``verdict`` says what follows, ``sentences`` put it into words, and
``report`` prints and writes it.
"""
