"""A reader's own script, for files in folders by class, from a sensor of 64 x 64 pixels."""

from collections import namedtuple
from pathlib import Path

import torch
from norse.torch import LICell, LIFCell

import pokersnn_helpers as book
from pokersnn_helpers.figures.networks import plot_dynamics, plot_network

CLASSES = ("left", "middle", "right")


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


files = sorted(Path().glob("*/*.npy"))
targets = [CLASSES.index(file.parent.name) for file in files]
recordings = book.Recordings(map(book.read_events, files), targets, CLASSES, (64, 64, 2))
data = book.stratified_folds(recordings, folds=2)[0]
for network in (book.SNN, book.FastSNN, ConvNet):
    classifier, _ = book.train_classifier(data, network=network, augment=None)
    book.save_checkpoint(classifier, "run.pt")
    loaded = book.load_checkpoint("run.pt", network=network)
    print(network.__name__, book.evaluate(loaded, book.make_loader(data.test)).correct)
    loaded.snn.record = True
    print(book.predict(loaded, data.test.events[0]).class_name)
    plot_network(loaded.snn).savefig(f"{network.__name__}.png")
    plot_dynamics(loaded.snn.recording, loaded.snn.dt, CLASSES).savefig("dynamics.png")
