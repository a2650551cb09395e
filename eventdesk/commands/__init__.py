"""The command line.

Begin with ``main``, the table of commands, and ``options``, that of their options. Each command is
the function of its name: in ``look`` those that look at recordings, in ``answers`` those that ask a
trained network, in ``exports`` the one that writes it in C, and in ``train`` the one that trains
it, one of those that ``networks`` finds by name. ``terminal`` prints, and ``compiling`` says why a
first run takes longer.
"""
