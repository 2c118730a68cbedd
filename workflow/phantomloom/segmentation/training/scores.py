"""How networks agree with labels, of structures and of the tissues that the body model learns."""

from collections.abc import Collection

from phantomloom.segmentation import Segmentation
from phantomloom.segmentation.agreement import Scores, agreements
from phantomloom.segmentation.training.targets import BODY, tissue_truth
from phantomloom.volume import Volume


def scores(
    found: dict[str, Segmentation],
    truth: Volume,
    told: Collection[str],
    known: dict[str, tuple[str, ...]],
) -> Scores:
    """Return the ``agreements`` with ``truth``, as JSON has them.

    The tissues that are ``told`` count with all that the body model learns as them: a gluteus is
    muscle, a rib bone.
    """
    tissues = truth.with_array(tissue_truth(truth.array))
    rows = agreements(found, truth, told, known)
    rows |= agreements(found, tissues, {*BODY} & {*told}, known)
    return {name: row._asdict() for name, row in rows.items()}
