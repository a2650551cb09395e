"""Look at recordings before anything is trained on them.

``inspection`` says what is odd in a file, ``overview`` in many, ``copies`` finds recordings that
are copies of others, and ``cleaning`` leaves out hot pixels and noise.
"""
