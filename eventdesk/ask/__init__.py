"""Ask whether recordings need time.

``candidates`` are models with and without a memory, ``compare`` trains and tests them, ``verdict``
says what follows, ``sentences`` put it into words, and ``report`` prints and writes it.
"""
