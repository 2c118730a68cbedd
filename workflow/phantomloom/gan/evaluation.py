"""Whether a contest shows what it must, as rows beside their targets.

The embedding of the mask must win mask consistency or diversity and lose neither; the modern
variant must win the sliced Wasserstein distance against both. A win is a difference of more than
2 standard errors over seeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phantomloom.benchmark import Row
from phantomloom.gan.comparison import WIN
from phantomloom.gan.judgement import (
    BETTER,
    CONSISTENCY,
    COPIES,
    DIVERSITY,
    EDGE,
    HISTOGRAM,
    MEMORISATION,
    NOISE,
    REAL,
    REAL_SWD,
    SWD,
)
from phantomloom.gan.metrics.estimate import of_sample

FAITHFUL, BASELINE, MODERN = "mask_embedding", "no_embedding", "modern"
TAUGHT = {
    "real": "taught by real ones",
    "both": "taught by generated ones too",
    "gain": "gain by generated ones",
}
TOLD = BETTER | {MEMORISATION: "higher", COPIES: "lower"}
OF_REAL = {REAL_SWD: "lower"} | {
    f"{metric}{REAL}": TOLD[metric] for metric in (HISTOGRAM, NOISE, EDGE, MEMORISATION, COPIES)
}


def of_contest(contest: str, judged: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an entry of ``verdicts.json``: means, then who leads by how much."""
    title = f"{contest}, {judged['judged_on']}"
    known = [its for its in judged["means"] if its["mean"] is not None]
    rows = [_of_mean(title, its) for its in known if its["metric"] in TOLD]
    real = {its["metric"]: its["mean"] for its in known if its["metric"] in OF_REAL}  # by all alike
    rows += [
        Row(f"{title}: {metric}", mean, "", None, OF_REAL[metric], "one split of the people")
        for metric, mean in real.items()
    ]
    for other in (FAITHFUL, BASELINE):
        rows += _of_lead(title, judged, SWD, (MODERN, other), WIN)
    leads = [
        row
        for metric in (CONSISTENCY, DIVERSITY)
        for row in _of_lead(title, judged, metric, (FAITHFUL, BASELINE), None)
    ]
    if len(leads) == 2:
        least, most = sorted(row.value for row in leads)
        figure = f"{title}: {FAITHFUL} wins consistency or diversity, loses neither"
        won = float(most > WIN and least >= -WIN)
        leads.append(Row(figure, won, "yes", 1, "higher", f"by {WIN} standard errors"))
    return rows + leads


def of_teaching(title: str, runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return Dice of segmenters by what taught them; ``runs`` are files that ``teach`` wrote.

    Generated images help if the gain is over 2 standard errors, over seeds, and harm below -2.
    """
    rows = []
    for name, by in TAUGHT.items():
        values = np.array([run[name]["value"] for run in runs])
        error = of_sample(values).error
        spread = f"{len(runs)} seeds" + (f", error {error:.2g}" if error else "")
        figure = f"{title}: Dice of a segmenter on real images, {by}"
        rows.append(Row(figure, float(values.mean()), "", None, "higher", spread))
    if error:
        lead = rows[-1].value / error  # of the gain
        told = "help" if lead > WIN else "harm" if lead < -WIN else "make no sure difference"
        figure, against = f"{title}: {TAUGHT['gain']}", f"generated images {told}"
        rows.append(Row(figure, lead, "standard errors", None, "higher", against))
    return rows


def _of_mean(title: str, mean: Mapping[str, Any]) -> Row:
    figure = f"{title}, {mean['variant']}: {mean['metric']}"
    error = mean["standard_error"]
    against = f"{mean['repeats']} seeds" + ("" if error is None else f", error {error:.2g}")
    return Row(figure, mean["mean"], "", None, TOLD[mean["metric"]], against)


def _of_lead(
    title: str,
    judged: Mapping[str, Any],
    metric: str,
    variants: tuple[str, str],
    target: float | None,
) -> list[Row]:
    """Return how far the first of ``variants`` leads, if both contend; 0 if that is not known."""
    figure = f"{title}: {variants[0]} over {variants[1]} in {metric}"
    for verdict in judged["verdicts"]:
        pair = verdict["first"], verdict["second"]
        if verdict["metric"] != metric or set(pair) != set(variants):
            continue
        if not verdict["standard_error"]:
            return [Row(figure, 0.0, "standard errors", target, "higher", verdict["reason"])]
        lead = verdict["difference"] / verdict["standard_error"]
        same = (verdict["better"] == "higher") == (pair == variants)
        means = ", ".join(
            f"{name} {verdict[f'{place}_mean']:.3g}"
            for place, name in zip(("first", "second"), pair, strict=True)
        )
        return [Row(figure, lead if same else -lead, "standard errors", target, "higher", means)]
    return []
