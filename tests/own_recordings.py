"""A reader's own script, for files in folders by class, from a sensor of 64 x 64 pixels."""

from collections import namedtuple

import numpy as np
import torch
from norse.torch import LICell, LIFCell

import pokersnn_helpers as book
from pokersnn_helpers.figures.networks import plot_dynamics


class ConvNet(book.SpikingNetwork):
    State = namedtuple("State", ["lif", "readout"])

    def __init__(self, channels=4):
        super().__init__()
        self.conv, self.lif = torch.nn.Conv2d(2, channels, 8, stride=4), LIFCell(dt=self.dt)
        self.linear, self.readout = torch.nn.Linear(225 * channels, 3), LICell(dt=self.dt)

    def step(self, frame, state):
        lif, readout = state or (None, None)
        spikes, lif = self.lif(20 * self.conv(frame), lif)
        voltage, readout = self.readout(self.linear(spikes.flatten(1)), readout)
        return voltage, self.State(lif, readout)


own = book.load_folder("recordings", sensor_size=(64, 64, 2))
print(own.recordings)
print(list(book.recording_statistics(own.recordings).groupby("class").mean().index))
data = book.stratified_folds(own.recordings, folds=4, groups=own.groups)[0]
for network in (book.SNN, book.FastSNN, ConvNet):
    classifier, _ = book.train_classifier(data, network=network, epochs=20, augment=None)
    book.save_checkpoint(classifier, "run.pt")
    loaded = book.load_checkpoint("run.pt", "cpu", network)
    print(network.__name__, book.evaluate(loaded, book.make_loader(data.test)).correct)
    loaded.snn.record = True
    print(book.predict(loaded, data.test.events[0]).class_name)
    plot_dynamics(loaded.snn.recording, loaded.snn.dt, data.classes).savefig("dynamics.png")
    stream = book.Stream(loaded)
    for events in np.array_split(data.test.events[0], 30):
        stream.push(events)  # as they would come from a camera
    stream.finish()
    print(stream.prediction().class_name, "since", stream.settled_ms(), "ms")
