"""Show what networks find in a case beside its reference labels."""

from pathlib import Path

import numpy as np

from phantomloom.io import artefact, complete, log, nifti
from phantomloom.library import comparison
from phantomloom.segmentation import labels
from phantomloom.segmentation.agreement import as_wholes
from phantomloom.structures import by_id

log.to(snakemake.log[0])
given, params = snakemake.input, snakemake.params
if reasons := [*filter(None, map(artefact.reason_to_withhold, given.told))]:
    raise ValueError(f"{snakemake.wildcards.reference}: there is nothing to show, {reasons[0]}")
ct = nifti.read(given.ct)
path = Path(given.reference)
reference = labels.segment(ct, path, "cpu", params.scheme, may_be_empty=True).labels
told = {by_id()[number].name for number in np.unique(reference.array) if number}
seen = any(artefact.read(path)["seen_in_training"] for path in given.told)
found = [nifti.read(path) for path in given.found]
drawn = comparison.side_by_side(
    f"{snakemake.wildcards.reference}, seen in training" if seen else snakemake.wildcards.reference,
    ct,
    reference,
    [labelled.with_array(as_wholes(labelled.array, told)) for labelled in found],
    params.window_hu,
    params.pixels,
)
with complete(Path(snakemake.output[0])) as partial:
    drawn.save(partial)
