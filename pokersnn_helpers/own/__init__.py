"""What one does with recordings of one's own, for chapter 9: look at them, ask, get an answer.

- ``look``: what is in a file, and what is odd in many; copies without hot pixels and noise.
- ``ask``: do these recordings need time, or do they have a shortcut?
- ``answer``: what a trained network says while events arrive, from a file or from a camera.
"""
