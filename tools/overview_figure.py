"""Draw the figure of the landing page and the README: python tools/overview_figure.py.

The landing page shows the SVG, of which the build makes a dark variant. The README and the social
card show the PNG.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pokersnn_helpers import first_of_each_class, load_pokerdvs, to_frames, train_classifier
from pokersnn_helpers.figures import use_book_style
from pokersnn_helpers.figures.plots import (
    draw_raster,
    draw_readout,
    imshow_polarity,
    label_ends,
)

OUTPUT = Path(__file__).parents[1] / "book" / "images" / "overview"


def main() -> None:
    use_book_style()
    data = load_pokerdvs(source="real")
    classifier, _ = train_classifier(data, seed=0, device="cpu")
    snn = classifier.snn
    events, target = first_of_each_class(data.test)[3]
    frames = to_frames(events)
    snn.record = True
    with torch.no_grad():
        voltages = snn(frames.unsqueeze(1))[:, 0]
    spikes = snn.recording.lif0.z[:, 0]

    fig = plt.figure(figsize=(6.0, 3.6))
    grid = fig.add_gridspec(2, 2, width_ratios=(1, 2), height_ratios=(1.15, 1))
    left = fig.add_subplot(grid[:, 0])
    imshow_polarity(left, frames.sum(dim=0), limit=6)
    left.set_title(f"{len(events):,} events", loc="center")
    raster = fig.add_subplot(grid[0, 1])
    votes = snn.linear.weight.argmax(dim=0)
    draw_raster(raster, spikes, snn.dt, votes, data.classes)
    raster.set(title=f"{int(spikes.sum()):,} spikes", xlabel="")
    raster.tick_params(labelbottom=False)
    readout = fig.add_subplot(grid[1, 1], sharex=raster)
    draw_readout(readout, voltages, snn.dt, data.classes)
    readout.set(title=f"the answer: a {data.classes[target]}", ylabel="voltage", yticks=[0])
    label_ends(readout)
    OUTPUT.parent.mkdir(exist_ok=True)
    fig.savefig(OUTPUT.with_suffix(".svg"), metadata={"Date": None})
    fig.savefig(OUTPUT.with_suffix(".png"), dpi=200)


if __name__ == "__main__":
    main()
