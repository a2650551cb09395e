"""Networks, and what they answer.

Begin with ``spiking_network``, which says what a network is. ``snn`` is the book's,
``initial_network`` draws the first weights of one for any sensor, ``classifier`` reads a class off
a network's voltages, and ``rounding`` makes weights small.
"""
