"""A reader's own files, and what becomes of them: recordings.

Begin with ``event_files``, which reads a file: by ``camera_files`` where a camera wrote it (and
``word_loops``, where its words are decoded one by one), or by ``faery_child`` where faery knows its
format. ``folders`` finds and reads a folder of them.
"""
