"""Curves of training runs side by side: the loss of each model and, below it, the Dice."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from phantomloom.io import complete
from phantomloom.io.lines import read

RUNNING = 10  # points of a running mean
# Okabe & Ito's colours, which colour-blind people tell apart
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")


def draw(logs: Mapping[str, Path], target: Path) -> None:
    """Write the curves of ``logs`` to the PNG ``target``; equal logs give equal bytes.

    Args:
        logs: by title, the ``log.jsonl`` of each run.
        target: path of the picture.

    Raises:
        ValueError: if there is no log, or one has no points or is not lines of JSON.
    """
    drawn = figure({title: _read(path) for title, path in logs.items()})
    with complete(target) as partial:
        drawn.savefig(partial, format="png", metadata={"Software": None})


def figure(runs: Mapping[str, list[dict[str, Any]]]) -> Figure:
    """Return a column a run of two panels: loss of each model, faint and smoothed, and Dice.

    Args:
        runs: by title, the lines of each log: ``step`` with ``losses`` by model, or with ``dice``.

    Raises:
        ValueError: if there is no run.
    """
    if not runs:
        raise ValueError("no training log to draw")
    drawn = Figure((max(4.8, 1 + 3.2 * len(runs)), 5.6), dpi=120, layout="constrained")
    panels = drawn.subplots(
        2, len(runs), sharex="col", sharey="row", squeeze=False, height_ratios=(3, 2)
    )
    colours = dict(zip(_models(runs), cycle(COLOURS)))
    for (loss, dice), (title, lines) in zip(panels.T, runs.items(), strict=True):
        loss.set_title(title, fontsize=11)
        _losses(loss, lines, colours)
        _dice(dice, lines)
    _dress(panels)
    keys = [Line2D([], [], color=colour, linewidth=1.8) for colour in colours.values()]
    drawn.legend(keys, colours, loc="outside upper center", ncols=len(keys), frameon=False)
    return drawn


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = read(path)
    except ValueError as fault:
        raise ValueError(f"{path}: a training log is lines of JSON; {fault}") from fault
    if not any("losses" in line for line in lines):
        raise ValueError(f"{path}: this training log has no points yet, no line with losses")
    return lines


def _models(runs: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Return the models of all runs in the order in which they first occur."""
    lines = [line for run in runs.values() for line in run]
    return list(dict.fromkeys(model for line in lines for model in line.get("losses", ())))


def _losses(panel: Axes, lines: list[dict[str, Any]], colours: Mapping[str, str]) -> None:
    points = [line for line in lines if "losses" in line]
    table = pd.DataFrame([p["losses"] for p in points], [p["step"] for p in points])
    smooth = table.rolling(RUNNING, min_periods=1, center=True).mean()
    for model, colour in colours.items():
        if model in table:
            panel.plot(table.index, table[model], color=colour, alpha=0.3, linewidth=0.7)
            panel.plot(table.index, smooth[model], color=colour, linewidth=1.8, label=model)


def _dice(panel: Axes, lines: list[dict[str, Any]]) -> None:
    points = [(line["step"], line["dice"]) for line in lines if "dice" in line]
    steps, dice = zip(*points, strict=True) if points else ((), ())
    panel.plot(steps, dice, color="black", linewidth=1.5, marker=".", markersize=4)


def _dress(panels: np.ndarray) -> None:
    """Give ``panels`` [loss or Dice, run] their scales, grids and names."""
    for panel in panels.flat:
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for loss, dice in panels.T:
        loss.set_yscale("log")  # what is learnt last is small
        loss.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        loss.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        loss.yaxis.set_minor_formatter(NullFormatter())
        dice.set_ylim(0, 1)
        dice.set_xlim(left=0)
        dice.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        dice.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        dice.set_xlabel("steps")
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("mean Dice, people\nnot trained on")
