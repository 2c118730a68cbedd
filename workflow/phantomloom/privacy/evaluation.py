"""Whether a sweep and its audits show what they must, as rows beside their targets."""

from collections.abc import Mapping
from typing import Any

from phantomloom.benchmark import Row
from phantomloom.privacy.auditing import ATTACKS
from phantomloom.privacy.conclusion import BASELINES
from phantomloom.privacy.differences import EQUIVALENT

F1 = "weighted F1"
LEAK = 2.0  # epsilon that the attack must prove where no noise is
WORTH = 1.0  # budget from which on a private model must beat the rules to be worth having


def of_statistics(entry: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a data set and model in ``statistics.json``; a baseline has no targets."""
    rows = [*_of_levels(entry), *_of_order(entry), *_of_ends(entry)]
    if entry["model"] in BASELINES:
        return [row._replace(target=None) for row in rows]
    return rows


def of_shuffled(entry: Mapping[str, Any]) -> list[Row]:
    """Return the row of labels that belong to other reports: they teach nothing, at any level.

    Nothing but how frequent each label is, which shuffling keeps: hence not quite 0.
    """
    gains = {_spoken(level): level["gain"] for level in entry["levels"] if level["gain"]}
    most = max(gains, key=lambda level: gains[level]["low"])
    figure = f"{_title(entry)}: largest lower end of a gain over epsilon 0"
    against = f"at {most}; {_interval(gains[most])}"
    return [Row(figure, gains[most]["low"], F1, EQUIVALENT, "lower", against)]


def of_audit(found: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an audited run: bounds beside its epsilon, and what its twin leaks."""
    title = f"audit of {found['dataset']}, {found['model']}, epsilon {found['level']}"
    rows = []
    for attack in ATTACKS:
        told, leak = found["private"][attack], found["control"][attack]
        target = LEAK if attack == "gradient" else None
        rows += [
            Row(
                f"{title}: lower bound by {attack}",
                *(told["epsilon"], "epsilon", found["epsilon"], "lower", _guesses(found, told)),
            ),
            Row(
                f"{title}: without noise, lower bound by {attack}",
                *(leak["epsilon"], "epsilon", target, "higher", _guesses(found, leak)),
            ),
        ]
    for name in ("private", "control"):
        auc, p = (found[name]["membership"][part] for part in ("auc", "p"))
        told_of = f"{title}: {'' if name == 'private' else 'without noise, '}membership by loss"
        rows.append(Row(told_of, auc, "AUC", None, "lower", f"chance .5, p {p:.2g}"))
    return rows


def _of_levels(entry: Mapping[str, Any]) -> list[Row]:
    """Weighted F1 and gain of each level; from WORTH on the rules are to be beaten."""
    title, rules = _title(entry), _means(entry["baselines"], "name").get("rules")
    rows = []
    for level in entry["levels"]:
        worth = level["epsilon"] is not None and level["epsilon"] >= WORTH
        value, whom = _f1(level), f"{title}, {_spoken(level)}"
        target, others = rules if worth else None, _others(entry)
        rows.append(Row(f"{whom}: {F1}", value, "", target, "higher", others))
        if level["gain"] is not None:
            gain, against = level["gain"]["difference"], _interval(level["gain"])
            rows.append(Row(f"{whom}: gain over epsilon 0", gain, F1, None, "higher", against))
    return rows


def _of_order(entry: Mapping[str, Any]) -> list[Row]:
    """Whether more budget is better: no pair of neighbours turned round, and a trend."""
    title, inversions, trend = _title(entry), entry["inversions"], entry["trend"]
    against = f"at Holm .05; {len(inversions['observed'])} by the mean alone"
    turned = len(inversions["significant"])
    rows = [Row(f"{title}: neighbours turned round", turned, "pairs", 0, "lower", against)]
    if trend["p"] is not None:
        against = f"{trend['smallest_p']:.2g} where all seeds agree"
        rows.append(Row(f"{title}: Page's trend test", trend["p"], "p", 0.01, "lower", against))
    return rows


def _of_ends(entry: Mapping[str, Any]) -> list[Row]:
    """The largest budget beside training without privacy, the smallest beside the public model."""
    title, margin = _title(entry), entry["margin"]
    rows = [
        Row(
            f"{title}: epsilon 10 less LoRA without privacy, lower end",
            *(each["low"], F1, -margin, "higher", f"one-sided 95 %; mean {each['difference']:.3f}"),
        )
        for each in entry["non_inferiority"]
        if each["level"] == "10"
    ]
    rows += [
        Row(
            f"{title}: epsilon 0.01 not to be told from the public model",
            *(float(level["indistinguishable"]), "yes", 1, "higher", _interval(level["gain"])),
        )
        for level in entry["levels"]
        if level["level"] == "0.01"
    ]
    return rows


def _title(entry: Mapping[str, Any]) -> str:
    return f"{entry['dataset']}, {entry['model']}"


def _spoken(level: Mapping[str, Any]) -> str:
    if level["epsilon"] is None:
        return level["level"]
    return f"epsilon {level['level'] if level['epsilon'] else 0}"


def _f1(row: Mapping[str, Any]) -> float:
    return row["metrics"]["weighted_f1"]["mean"]


def _means(rows: list[Mapping[str, Any]], key: str) -> dict[str, float]:
    return {row[key]: _f1(row) for row in rows}


def _others(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {f1:.3f}" for name, f1 in _means(entry["baselines"], "name").items())


def _interval(gain: Mapping[str, float]) -> str:
    return f"95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}"


def _guesses(found: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    return (
        f"{told['correct']} of {told['guesses']} guesses right, {told['canaries']} canaries, "
        f"confidence {found['confidence']:.4g}"
    )
