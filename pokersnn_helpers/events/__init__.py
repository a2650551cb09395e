"""Event recordings: ``recordings`` holds them, ``frames`` makes batches, ``units`` knows times."""
