"""Ask whether recordings need time.

``compare`` trains models with and without a memory, and ``verdict`` says what follows.
"""
