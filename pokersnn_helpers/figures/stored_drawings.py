"""Drawings that explain a concept. They hold no measured data, so they are files, not code."""

from dataclasses import dataclass
from pathlib import Path

DRAWINGS = Path(__file__).with_name("svg")


@dataclass(frozen=True)
class Drawing:
    """An SVG in the colours of the book's figures; a notebook shows it as a cell's last value.

    Example:
        >>> Drawing((DRAWINGS / "batch.svg").read_text(encoding="utf-8")) == show_drawing("batch")
        True
    """

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


def show_drawing(name: str) -> Drawing:
    """Return a drawing.

    Args:
        name: ``"batch"``: the way of recordings to a batch. ``"spike"``: one neuron in four aligned
            traces. ``"network"``: the book's network, ``SNN()``, in one time step. ``"unrolled"``:
            the same over four time steps, with the way back of the gradient. ``"deck"``: how the
            recordings of cards were made. ``"behind_a_layer"``: the *SNN behind a layer*, in one
            time step; ``"delayed_layer"``: the same with delayed copies of what the layer found.
            ``"skipping"``: which operations are needed while few events come.

    Example:
        >>> show_drawing("spike").svg.count("<svg")
        1
    """
    return Drawing(DRAWINGS.joinpath(f"{name}.svg").read_text(encoding="utf-8"))
