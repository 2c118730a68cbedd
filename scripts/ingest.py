from pathlib import Path

import SimpleITK as sitk

from phantomloom.ingest import check_body, describe, of_stylised, regrid
from phantomloom.io import artefact, complete, log, nifti, scan
from phantomloom.scan import UnusableScanError

logger = log.to(snakemake.log[0])
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(snakemake.threads)
path, files = Path(snakemake.params.path), []
try:
    files = scan.digests(path)
    source = scan.read(path)
    if snakemake.input.stylised:
        source = of_stylised(source, artefact.read(snakemake.input.stylised[0]))
    ct = regrid(source, snakemake.params.spacing_mm)
    check_body(ct)
except UnusableScanError as fault:
    logger.info("refused: %s", fault, exc_info=True)
    content = {"status": artefact.REFUSED, "reason": str(fault)}
    with complete(Path(snakemake.output.ct)) as partial:
        partial.touch()
else:
    content = {"status": artefact.DONE, **describe(source, ct, snakemake.params.person)}
    logger.info("%s", content)
    nifti.write(ct, snakemake.output.ct)
artefact.write(content, snakemake.output.ct_json, schema="ingest")
fate = {key: content[key] for key in ("status", "reason") if key in content}
artefact.write(fate | {"files": files}, snakemake.output.source_json, schema="source")
