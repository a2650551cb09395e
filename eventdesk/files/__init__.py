"""A reader's own files, and what becomes of them: recordings.

Begin with ``event_files``, which reads a file: by ``camera_files`` where a camera wrote it, or by
``faery_child`` where faery knows its format. ``folders`` finds and reads a folder of them.
"""
