"""A comparison of privacy levels in a few plain sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from phantomloom.privacy.differences import EQUIVALENT
from phantomloom.privacy.levels import LORA, PUBLIC
from phantomloom.privacy.significance import FEW_SEEDS

BASELINES = {"rules": "the negation rules", "bag_of_words": "bag-of-words"}
TUNING = (
    "Each epsilon covers one training; choosing hyper-parameters on private data costs privacy "
    "beyond it (Papernot & Steinke 2022)."
)


def conclusion(found: Mapping[str, Any]) -> str:
    """Return what ``found``, a comparison less its conclusion, amounts to.

    Four sentences: the best private model, and what its epsilon protects; which budgets gain
    nothing, and the trend; whether it beats the baselines that need no network; and what epsilon
    does not cover.
    """
    best = max((row for row in found["levels"] if row["epsilon"]), key=_f1)
    return " ".join([_best(found, best), _course(found), _worth(best), TUNING])


def _best(found: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    f1 = {row["level"]: _f1(row) for row in found["levels"]}
    words = (
        f"On {found['dataset']}, {found['model']} does best with privacy at epsilon "
        f"{best['level']} (protecting one {found['unit']}, at delta {found['delta']:.2g}): "
        f"weighted F1 {_f1(best):.3f}, {_interval(best['gain'])} against the "
        f"public model's {f1[PUBLIC]:.3f}"
    )
    for row in found["non_inferiority"]:
        if row["level"] == best["level"]:
            verb = "not inferior" if row["holds"] else "not shown to be non-inferior"
            words += f", {verb} to LoRA without privacy ({f1[LORA]:.3f}, margin {found['margin']})"
    return words + "."


def _course(found: Mapping[str, Any]) -> str:
    private = [row for row in found["levels"] if row["epsilon"]]
    same = [row["level"] for row in private if row["indistinguishable"]]
    worse = [
        row["level"] for row in private if row["gain"]["high"] < 0 and not row["indistinguishable"]
    ]
    parts = []
    if same:
        parts.append(
            f"at epsilon {_list(same)} the gain's interval contains 0 or stays within {EQUIVALENT} "
            "of it: there the model cannot be told from the public one"
        )
    if worse:
        parts.append(f"at epsilon {_list(worse)} training made it worse than the public one")
    if not parts:
        parts.append("every budget gains over the public model")
    words = "; ".join([*parts, _trend(found), _inversions(found)])
    return words[0].upper() + words[1:] + "."


def _trend(found: Mapping[str, Any]) -> str:
    trend = found["trend"]
    if trend["p"] is None:
        return f"the trend over the budgets is not tested ({trend['reason']})"
    p = "p < 0.0001" if trend["p"] < 1e-4 else f"p = {trend['p']:.2g}"
    rises = "F1 rises with the budget" if trend["p"] < 0.01 else "no sure rise with the budget"
    return f"{rises} (Page's L, {p})"


def _inversions(found: Mapping[str, Any]) -> str:
    if sure := found["inversions"]["significant"]:
        pairs = _list([f"{higher} than at {lower}" for lower, higher in sure])
        return f"F1 is significantly worse at {pairs}"
    seeds = len(found["seeds"])
    if seeds == 1:
        return "with one seed no pair of levels is tested"
    power = f", though {seeds} seeds leave such tests little power" if seeds < FEW_SEEDS else ""
    return f"no level is significantly worse than the one below it{power}"


def _worth(best: Mapping[str, Any]) -> str:
    rows = {row["name"]: row for row in best["over_baselines"]}
    known = [
        f"{_verdict(rows[name])} {words} ({_interval(rows[name])})"
        for name, words in BASELINES.items()
        if name in rows
    ]
    if not known:
        return "Neither the negation rules nor bag-of-words were run, so its worth is not known."
    return f"The best private model {_list(known)}."


def _verdict(row: Mapping[str, float]) -> str:
    if row["low"] > 0:
        return "beats"
    return "falls behind" if row["high"] < 0 else "cannot be told from"


def _f1(row: Mapping[str, Any]) -> float:
    return row["metrics"]["weighted_f1"]["mean"]


def _interval(row: Mapping[str, float]) -> str:
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def _list(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
