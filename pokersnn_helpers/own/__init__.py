"""Your own recordings, for chapter 9: from a camera's file to an answer while events arrive.

Begin with ``event_files``, which reads a file, by ``camera_files`` where a camera wrote it or by
``faery_child`` where faery knows its format, and ``folders``, which reads a folder of them;
``nmnist`` has real recordings to try the rest with. ``inspection`` says what is odd in a file and
``overview`` in many, ``cleaning`` leaves out hot pixels and noise, ``compare`` says whether
recordings need time, and ``detector`` is the network that looks for motion in them. ``streaming``
and ``live`` ask a trained classifier while a recording goes on.
"""
