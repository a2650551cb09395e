"""A desk for event recordings of your own. Each part imports only what stands above it here.

files/        files of many formats, and folders of them, read into recordings
look/         what is odd in files, such as copies of others; files without hot pixels and noise
models/       what is held against the book's network: other networks, and features for trees
evidence/     who may learn from, choose by and test on what; accuracies with their intervals
ask/          do these recordings need time, or do they have a shortcut?
trained/      what was trained, saved and loaded, and what it has learned from
streaming     what a trained network says while events arrive
live          play a file in real time, or listen to a camera
commands/     the command line: eventdesk, or python -m eventdesk

It stands on ``pokersnn_helpers``, which never imports it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
