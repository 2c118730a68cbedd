"""The card of a released model: what its epsilon covers, and what it does not."""

from typing import Any

from phantomloom.privacy.accountant import Phase, epsilon_of_group
from phantomloom.privacy.released import Terms

TEXT = """# {network} on {dataset}, epsilon {epsilon:.4g}

Says which of {labels} labels a radiology report has. Trained under differential privacy:

| | |
|---|---|
| epsilon, delta | {epsilon:.4g} (privacy loss distributions), {delta:.3g} |
| by other accountants | {prv:.4g} (PRV), {rdp:.4g} (RDP) |
| unit | one {unit}, added or removed; {units} {unit}s, whose number counts as public |
| mechanism | Gaussian; sum of gradients clipped to norm {clip:g}, noise multiplier {noise:.4g} |
| sampling | each {unit} by its own coin with probability {rate:.4g} (Poisson), {steps} steps |
| randomness | of the operating system, recorded nowhere |

**Covered**: every weight in `model.safetensors`. **Public**: the language model, what the public
grammar taught it (`public/`), the rules' lexicon, and all settings. **Not covered**: what settings
tell of these reports if results on them decided these settings (as shipped, they were chosen on
synthetic reports); other models trained on the same reports, whose epsilons add up, so that a
second release spends again{several}.

Labels: {names}.

    python scripts/label_reports.py THIS_FOLDER reports.csv labelled.csv --text COLUMN

A label of a model is an aid to sort reports, no finding; measure it on labelled reports of yours.
"""

SEVERAL = """; several reports of one patient, who at this delta has epsilon
{two:.4g} with 2 of them and {ten:.4g} with 10 (`unit: patient` trains so that
the epsilon above covers all reports of a patient)"""


def card(terms: Terms, unit: str) -> str:
    """Return the card in Markdown."""
    spent = terms.spent
    return TEXT.format(
        network=terms.network,
        dataset=terms.dataset,
        epsilon=spent["epsilon"]["pld"],
        prv=spent["epsilon"]["prv"],
        rdp=spent["epsilon"]["rdp"],
        delta=spent["delta"],
        unit=unit,
        several=_several(spent) if unit == "report" else "",
        units=spent["units"],
        clip=terms.method["clip"],
        noise=spent["noise_multiplier"],
        rate=spent["rate"],
        steps=spent["steps"],
        labels=len(terms.label_names),
        names=", ".join(terms.label_names),
    )


def _several(spent: dict[str, Any]) -> str:
    ledger = (Phase(spent["rate"], spent["noise_multiplier"], spent["steps"]),)
    two, ten = (epsilon_of_group(ledger, spent["delta"], size) for size in (2, 10))
    return SEVERAL.format(two=two, ten=ten)
