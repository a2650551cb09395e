"""Draw the picture of the landing page and the README: python tools/overview_figure.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pokersnn_helpers import first_of_each_class, load_pokerdvs, to_frames, train_classifier
from pokersnn_helpers.figures import use_book_style
from pokersnn_helpers.figures.plots import draw_raster, draw_readout, imshow_polarity

OUTPUT = Path(__file__).parents[1] / "book" / "images" / "overview.png"


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
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
    imshow_polarity(left, frames.sum(dim=0), limit=6)
    left.set_title(f"{len(events):,} events")
    draw_raster(middle, snn.recording.lif0.z[:, 0], snn.dt)
    middle.set_title("hidden spikes")
    draw_readout(right, voltages, snn.dt, data.classes)
    right.set_title(f"readout: a {data.classes[target]}")
    right.legend(loc="upper left", fontsize=10, labelspacing=0.2, handlelength=1)
    OUTPUT.parent.mkdir(exist_ok=True)
    fig.savefig(OUTPUT, dpi=160)


if __name__ == "__main__":
    main()
