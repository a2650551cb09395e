"""Draw the picture of the landing page and the README: python tools/overview_figure.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pokersnn_helpers import load_pokerdvs, one_of_each_suit, to_frames, train_classifier
from pokersnn_helpers.plots import plot_raster, plot_readout, show_polarity

OUTPUT = Path(__file__).parents[1] / "book" / "images" / "overview.png"


def main() -> None:
    plt.style.use("pokersnn_helpers.book")
    data = load_pokerdvs(source="real")
    classifier, _ = train_classifier(data, seed=0, device="cpu")
    events, target = one_of_each_suit(data)[3]
    frames = to_frames(events)
    classifier.snn.record = True
    with torch.no_grad():
        voltages = classifier.snn(frames.unsqueeze(1))[:, 0]
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
    show_polarity(left, frames.sum(dim=0), limit=6)
    left.set_title(f"{len(events):,} events")
    plot_raster(middle, classifier.snn.recording.lif0.z[:, 0], dt=0.001)
    middle.set_title("hidden spikes")
    plot_readout(right, voltages, 0.001, data.classes)
    right.set_title(f"readout: a {data.classes[target]}")
    right.legend(loc="upper left", fontsize=10, labelspacing=0.2, handlelength=1)
    OUTPUT.parent.mkdir(exist_ok=True)
    fig.savefig(OUTPUT, dpi=160)


if __name__ == "__main__":
    main()
