"""Whether a case passes, and why: what the checks found, unless a person has decided."""

from collections.abc import Mapping, Sequence
from typing import Any

from phantomloom.qc import FAIL, Finding

PASS = "pass"


def judge(
    findings: Mapping[str, Sequence[Finding]],
    failing_checks: Sequence[str],
    review: tuple[str, str] | None,
) -> dict[str, Any]:
    """Return verdict, automatic_verdict, reasons, review and findings, ready for JSON.

    Only findings of severity "fail" by one of ``failing_checks`` fail a case. A ``review``
    (verdict, note) by a person decides either way; both verdicts are kept.

    Raises:
        ValueError: if the review's verdict is neither pass nor fail.
    """
    grave = [
        words(found)
        for check in failing_checks
        for found in findings.get(check, ())
        if found.severity == FAIL
    ]
    automatic = FAIL if grave else PASS
    if review and review[0] not in (PASS, FAIL):
        raise ValueError(f"a review says {PASS} or {FAIL}; this one says {review[0]!r}")
    note = (
        [f"a person decided: {review[0]}" + f" ({review[1]})" * bool(review[1])] if review else []
    )
    return {
        "verdict": review[0] if review else automatic,
        "automatic_verdict": automatic,
        "reasons": note + grave,
        "failing_checks": list(failing_checks),
        "review": {"verdict": review[0], "note": review[1]} if review else None,
        "findings": {
            check: [found._asdict() for found in founds] for check, founds in findings.items()
        },
    }


def words(found: Finding) -> str:
    """Return a finding as a sentence, "kidney left: 412 ml, expected 90 to 250 ml"."""
    return f"{found.structure.replace('_', ' ')}: {found.seen}, expected {found.expected}"


def go_on(judged: Mapping[str, Any], withhold_failed: bool) -> dict[str, str]:
    """Return the status that later stages obey.

    Its text names who failed the case and in which structures, not the figures, so that a figure
    that moves within a failed case reruns nothing.
    """
    if judged["verdict"] == PASS or not withhold_failed:
        return {"status": "done"}
    if judged["review"]:
        return {"status": "withheld", "reason": "failed quality control: a person decided so"}
    named = sorted(
        {
            f"{found['structure']} ({check})"
            for check in judged["failing_checks"]
            for found in judged["findings"].get(check, ())
            if found["severity"] == FAIL
        }
    )
    return {"status": "withheld", "reason": f"failed quality control: {', '.join(named)}"}
