"""Pictures for people: a grid of masks with real and sampled images, and curves of training."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from phantomloom.gan.pairs import unscaled

GROUND, INK = (9, 12, 16), (236, 240, 244)
GAP, HEADER, LINE = 4, 26, 20  # pixels: between tiles, of the headers, of a line of the legend
SMALLEST_TILE = 128  # smaller images are magnified by whole pixels to no less than this
COLOURS = (  # of classes 1, 2, 3 ...: neighbours in the list are easily told apart
    *("#75645a", "#f0e442", "#d55e00", "#f7f4e3", "#56b4e9", "#8c2d19", "#7b3f98", "#8fd14f"),
    *("#e0245e", "#009e73", "#cc79a7", "#0072b2", "#e69f00", "#17becf", "#637939", "#9c9ede"),
)
# Okabe & Ito's colours, which colour-blind people tell apart
Log = Sequence[Mapping[str, Any]]
USUAL = 0.98  # part of the values on either side of which a panel ends, with some room
RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
RUNNING = 15  # points of a running mean


def coloured(masks: np.ndarray, classes: int) -> np.ndarray:
    """Return class numbers of any shape [...] as colours [..., 3], uint8; background black.

    A single class is white. After the last colour they begin anew.
    """
    colours = [bytes.fromhex(colour[1:]) for colour in COLOURS]
    table = np.zeros((256, 3), np.uint8)
    for number, colour in zip(range(1, classes + 1), cycle(colours)):
        table[number] = tuple(colour) if classes > 1 else 255
    return table[masks]


def grid(
    masks: np.ndarray,
    class_names: Sequence[str],
    columns: Iterable[tuple[str, Tensor]],
    names: Sequence[str] = (),
) -> Image.Image:
    """Return a picture of a row a mask: the mask in colours, then its image of each column.

    Args:
        masks: class numbers [N, H, W].
        class_names: of classes 1 and so on, for the legend below.
        columns: header and images [N, C, H, W] in -1 to 1, such as "real", "sample 1"; those of
            another size than the masks are brought to theirs by whole pixels.
        names: of the rows, written into the masks; none for pictures without.
    """
    shown = [("mask", coloured(masks, len(class_names)))]
    shown += [(header, _levels(images)) for header, images in columns]
    edge = masks.shape[-1] * max(1, -(-SMALLEST_TILE // masks.shape[-1]))
    step = edge + GAP
    legend = _legend(class_names, len(shown) * step)
    height = HEADER + len(masks) * step
    whole = Image.new("RGB", (len(shown) * step - GAP, height + legend.height), GROUND)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for place, (header, tiles) in enumerate(shown):
        draw.text((place * step + edge / 2, HEADER / 2), header, INK, font, "mm")
        for row, tile in enumerate(tiles):
            large = Image.fromarray(tile).resize((edge, edge), Image.Resampling.NEAREST)
            whole.paste(large, (place * step, HEADER + row * step))
    for row, name in enumerate(names):
        corner, small = (3, HEADER + row * step + 2), ImageFont.load_default(11)
        draw.text(corner, name, INK, small, stroke_width=1, stroke_fill=GROUND)
    whole.paste(legend, (0, height))
    return whole


def curves(runs: Mapping[str, Sequence[Log]], keys: Sequence[str], x: str) -> Figure:
    """Return a panel a key of the training logs, in each a line a run, faint and smoothed.

    Where a run goes astray it leaves the panel, as the others could not be seen otherwise.

    Args:
        runs: by title, the lines of one log or several, which have one colour.
        keys: what to draw; lines without a key are passed over.
        x: the key of the horizontal axis, such as "images".

    Raises:
        ValueError: if there is no run, or no line of a run has one of the keys.
    """
    if not runs or not keys:
        raise ValueError("no training log to draw")
    drawn = Figure((9, 0.8 + 2.2 * len(keys)), dpi=120, layout="constrained")
    panels = drawn.subplots(len(keys), 1, sharex=True, squeeze=False)[:, 0]
    for panel, key in zip(panels, keys, strict=True):
        for (title, logs), colour in zip(runs.items(), cycle(RUN_COLOURS)):
            for number, lines in enumerate(logs):
                values = _values(lines, key, x, title)
                _curve(panel, values, colour, title if number == 0 else None)
        _dress(panel, key)
    panels[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1].xaxis.set_major_formatter(EngFormatter(sep=""))
    panels[-1].set_xlabel(x)
    handles, titles = panels[0].get_legend_handles_labels()
    drawn.legend(handles, titles, loc="outside upper center", ncols=min(4, len(titles)))
    return drawn


def _levels(images: Tensor) -> np.ndarray:
    """Return images [N, C, H, W] in -1 to 1 as colours [N, H, W, 3], uint8."""
    levels = np.moveaxis(unscaled(images, 0, 255, np.uint8), 1, 3)
    return np.broadcast_to(levels, (*levels.shape[:3], 3)).copy()


def _legend(class_names: Sequence[str], width: int) -> Image.Image:
    """Return the colours and names of the classes in lines of ``width``."""
    font = ImageFont.load_default(13)
    places: list[tuple[int, int]] = []
    right, line = 0, 0
    for name in class_names:
        needed = 2 * LINE + round(font.getlength(name))
        if right and right + needed > width:
            right, line = 0, line + 1
        places.append((right, line * LINE))
        right += needed
    image = Image.new("RGB", (width, (line + 1) * LINE + GAP), GROUND)
    draw = ImageDraw.Draw(image)
    colours = coloured(np.arange(1, len(class_names) + 1), len(class_names))
    for name, (left, top), colour in zip(class_names, places, colours.tolist(), strict=True):
        draw.rectangle((left + 4, top + 5, left + 15, top + 16), tuple(colour))
        draw.text((left + LINE, top + LINE / 2), name, INK, font, "lm")
    return image


def _values(lines: Log, key: str, x: str, title: str) -> pd.Series:
    having = [line for line in lines if key in line]
    if not having:
        raise ValueError(f"the training log of {title} has no line with {key!r}")
    return pd.Series([line[key] for line in having], [line[x] for line in having], float)


def _curve(panel: Axes, values: pd.Series, colour: str, title: str | None) -> None:
    smooth = values.rolling(RUNNING, min_periods=1, center=True).mean()
    panel.plot(values.index, values, color=colour, alpha=0.25, linewidth=0.7)
    panel.plot(smooth.index, smooth, color=colour, linewidth=1.6, label=title)


def _dress(panel: Axes, key: str) -> None:
    panel.set_ylabel(key.replace("_", " "))
    drawn = np.concatenate([line.get_ydata() for line in panel.lines])
    low, high = np.quantile(drawn, (1 - USUAL, USUAL))
    room = (high - low) / 4 or 1
    panel.set_ylim(low - room, high + room)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
