"""Your own recordings, for chapter 10: from a camera's file to an answer while events arrive.

Begin with ``event_files``, which reads a file, by ``camera_files`` where a camera wrote it, and
``folders``, which reads a folder of them; ``nmnist`` has real recordings to try the rest with.
``inspection`` says what is odd in a file, ``compare`` whether recordings need time, ``stored``
keeps many in one file, and ``streaming`` and ``live`` ask a trained classifier while a recording
goes on.
"""
