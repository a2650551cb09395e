"""Let a trained network answer while events arrive.

``streaming`` carries the network's state from step to step, and ``live`` plays a file in real time
or listens to a camera.
"""
