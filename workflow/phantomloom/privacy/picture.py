"""The trade-off in one picture: weighted F1 against epsilon, and the gain over epsilon 0."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.optimize import isotonic_regression

from phantomloom.io import complete
from phantomloom.privacy.levels import FULL, LORA, PUBLIC, budgets, ordered

# Okabe & Ito's colours, which colour-blind people tell apart
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
GREY = "#555555"
FLOOR = "all_positive"
NAMES = {
    **{"rules": "rules", "bag_of_words": "bag of words", FLOOR: "all positive"},
    **{PUBLIC: "public model", LORA: "LoRA, no DP", FULL: "full, no DP"},
}
DASHES = {"rules": "-", "bag_of_words": (0, (6, 2)), FLOOR: (0, (1, 2))}
DODGE = 0.07  # decades between the bars of models
GAP = 0.06  # between labels, of the height of a panel

End = tuple[float, str, str]  # height, words and colour of a line's label


def draw(comparisons: Sequence[Mapping[str, Any]], target: Path) -> None:
    """Write the picture of ``comparisons`` to the PNG ``target``; equal ones give equal bytes.

    Args:
        comparisons: as ``statistics.compare`` returns them, one a data set and model.
        target: path of the picture.

    Raises:
        ValueError: if there is none.
    """
    drawn = figure(comparisons)
    with complete(target) as partial:
        drawn.savefig(partial, format="png", metadata={"Software": None})


def figure(comparisons: Sequence[Mapping[str, Any]]) -> Figure:
    """Return a column a data set of two panels: weighted F1, and its gain over epsilon 0.

    Bars are the SD of the seeds above and the 95 % interval below. The ends have open markers;
    those without privacy stand on the grey ground to the right.

    Raises:
        ValueError: if there is no comparison.
    """
    if not comparisons:
        raise ValueError("no comparison of privacy levels to draw")
    datasets = list(dict.fromkeys(one["dataset"] for one in comparisons))
    colours = dict(zip(dict.fromkeys(one["model"] for one in comparisons), cycle(COLOURS)))
    drawn = Figure((2.2 + 4.9 * len(datasets), 7.4), dpi=120, layout="constrained")
    panels = drawn.subplots(
        2, len(datasets), sharex="col", sharey="row", squeeze=False, height_ratios=(3, 2)
    )
    panels[0, 0].set_ylim(*_range(comparisons))
    for (above, below), dataset in zip(panels.T, datasets, strict=True):
        shown = [one for one in comparisons if one["dataset"] == dataset]
        _column(above, below, shown, colours)
        below.set_xlabel("epsilon")
    panels[0, 0].set_ylabel("weighted F1 (bars: SD of the seeds)")
    panels[1, 0].set_ylabel("gain over epsilon 0\n(bars: 95 % interval)")
    return drawn


def _range(comparisons: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the heights to show; a floor further down than all the rest is wide is left out."""
    rows = [row for one in comparisons for row in [*one["levels"], *one["baselines"]]]
    f1 = [(row["metrics"]["weighted_f1"], row.get("name") == FLOOR) for row in rows]
    high = max(value["mean"] + (value["sd"] or 0) for value, _ in f1)
    low = min(value["mean"] - (value["sd"] or 0) for value, floor in f1 if not floor)
    lowest = min([low, *(value["mean"] for value, floor in f1 if floor)])
    bottom = lowest if low - lowest < high - low else low
    margin = 0.07 * (high - bottom)
    return bottom - margin, high + margin


def _column(
    above: Axes, below: Axes, shown: Sequence[Mapping[str, Any]], colours: Mapping[str, str]
) -> None:
    places = _places(shown)
    for panel in (above, below):
        _dress(panel, places)
    below.axhline(0, color=GREY, linewidth=1)
    alone = len(shown) == 1
    above.set_title(": ".join([shown[0]["dataset"], *[shown[0]["model"]] * alone]), fontsize=12)
    ends = _baselines(above, shown[0])
    for number, one in enumerate(shown):
        colour = colours[one["model"]]
        shift = 10 ** (DODGE * (number - (len(shown) - 1) / 2))
        x = np.array([places[row["level"]] * shift for row in one["levels"]])
        private = np.array([bool(row["epsilon"]) for row in one["levels"]])
        _curve(above, x, *_f1(one), private, colour)
        _curve(below, x, *_gain(one), private, colour)
        references = _references(above, one, colour)
        ends += references if alone else [(_f1(one)[0][-1], one["model"], colour)]
    _labels(above, ends)


def _places(shown: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return where on the axis of epsilon each level stands; the ends a decade off."""
    levels = ordered({row["level"] for one in shown for row in one["levels"]})
    places = {level: float(level) for level in budgets(levels)}
    first, last = min(places.values()), max(places.values())
    ends = {PUBLIC: first / 10, LORA: last * 10, FULL: last * 100}
    return {level: (places | ends)[level] for level in levels}


def _dress(panel: Axes, places: Mapping[str, float]) -> None:
    words = {PUBLIC: "0\npublic", LORA: "LoRA\nno DP", FULL: "full\nno DP"}
    panel.set_xscale("log")
    panel.set_xticks(list(places.values()), [words.get(level, level) for level in places])
    panel.xaxis.set_minor_locator(NullLocator())
    last = max(x for level, x in places.items() if level not in (LORA, FULL))
    panel.set_xlim(min(places.values()) / 10**0.4, max(places.values()) * 10**0.4)
    if last != max(places.values()):
        panel.axvspan(last * 10**0.5, panel.get_xlim()[1], color="#f2f2f2", linewidth=0)
    panel.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _baselines(panel: Axes, one: Mapping[str, Any]) -> list[End]:
    """Draw a line a baseline; return their labels."""
    ends = []
    for row in one["baselines"]:
        height, words = row["metrics"]["weighted_f1"]["mean"], NAMES.get(row["name"], row["name"])
        panel.axhline(height, color=GREY, linewidth=1.1, linestyle=DASHES.get(row["name"], "-."))
        ends.append((height, f"{words} {height:.3f}", GREY))
    return ends


def _references(panel: Axes, one: Mapping[str, Any], colour: str) -> list[End]:
    """Draw thin lines at the public model and at those without privacy; return their labels."""
    ends = []
    for row in one["levels"]:
        if not row["epsilon"]:
            height, words = row["metrics"]["weighted_f1"]["mean"], NAMES[row["level"]]
            panel.axhline(height, color=colour, linewidth=0.8, linestyle=(0, (1, 3)))
            ends.append((height, f"{words} {height:.3f}", colour))
    return ends


def _f1(one: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return means [levels], and how far the bars reach down and up [2, levels]."""
    values = [row["metrics"]["weighted_f1"] for row in one["levels"]]
    sd = np.array([value["sd"] or 0 for value in values])
    return np.array([value["mean"] for value in values]), np.stack([sd, sd])


def _gain(one: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return gains [levels], and how far the bars reach down and up [2, levels]."""
    nothing = {"difference": 0.0, "low": 0.0, "high": 0.0}
    rows = [row["gain"] or nothing for row in one["levels"]]
    middle, low, high = (
        np.array([row[key] for row in rows]) for key in ("difference", "low", "high")
    )
    return middle, np.maximum([middle - low, high - middle], 0)


def _curve(
    panel: Axes, x: np.ndarray, y: np.ndarray, reach: np.ndarray, private: np.ndarray, colour: str
) -> None:
    """Draw the budgets as a line and the ends as open markers."""
    style: dict[str, Any] = {"color": colour, "marker": "o", "capsize": 3, "zorder": 3}
    panel.errorbar(x[private], y[private], reach[:, private], markersize=4.5, **style)
    panel.errorbar(
        x[~private], y[~private], reach[:, ~private], linestyle="", markerfacecolor="white", **style
    )


def _labels(panel: Axes, ends: Sequence[End]) -> None:
    """Write each label to the right at its height, none over another."""
    low, high = panel.get_ylim()
    wanted = sorted(
        ((height - low) / (high - low), words, colour) for height, words, colour in ends
    )
    places = spread(np.array([height for height, _, _ in wanted]), min(GAP, 1 / len(wanted)))
    for place, (height, words, colour) in zip(places, wanted, strict=True):
        panel.annotate(
            words if height > 0 else f"{words} \N{DOWNWARDS ARROW}",
            (1, max(height, 0)),
            (1.06, place),
            "axes fraction",
            color=colour,
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0},
        )


def spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return the ascending places in 0 to 1 nearest to ``heights``, ``gap`` or more apart.

    Args:
        heights: [labels], ascending.
        gap: so small that all labels fit.
    """
    steps = gap * np.arange(len(heights))
    return np.clip(isotonic_regression(heights - steps).x, 0, 1 - steps[-1]) + steps
