"""Networks as readers write them, for tests."""

import torch


class Dense(torch.nn.Module):
    """A linear layer for each frame; subclasses change what it returns."""

    dt = 0.001

    def __init__(self, input_size=2450, output_size=4):
        super().__init__()
        self.linear = torch.nn.Linear(input_size, output_size)

    def forward(self, frames):
        return self.change(self.linear(frames.flatten(2)))

    def change(self, voltages):
        return voltages


def scatter_taus(snn):
    """Give each neuron other time constants, where they are learned."""
    with torch.no_grad():
        for name in {"mem", "syn"} & dict(snn.lif0.named_parameters()).keys():
            getattr(snn.lif0, name).add_(torch.randn(snn.arguments["hidden_size"]))
