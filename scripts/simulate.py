from phantomloom.io import artefact, log, nifti
from phantomloom.simulation import quality
from phantomloom.simulation.geometry import UnscannableError
from phantomloom.simulation.scan import phantom_of, scan, seed_of

said = log.to(snakemake.log[0])
if not (reason := artefact.reason_to_withhold(snakemake.input.verdict)):
    labels, ct = nifti.read(snakemake.input.labels), nifti.read(snakemake.input.ct)
    protocol = snakemake.params.protocol
    seed = seed_of(snakemake.wildcards.case, protocol["seed"])
    try:
        simulated = scan(*phantom_of(labels), protocol, seed, snakemake.threads)
    except UnscannableError as fault:  # the other cases go on
        said.info("withheld: %s", fault, exc_info=True)
        reason = str(fault)
if reason:
    artefact.withhold(snakemake.output, reason)
else:
    for kernel, volume in simulated.volumes.items():
        nifti.write(volume, snakemake.output[kernel])
    report = quality.report(labels, ct, *simulated, protocol, snakemake.params.erosion_mm)
    artefact.write(
        {"status": "done", "protocol": protocol, "scan": simulated.facts, **report},
        snakemake.output.quality,
        schema="quality",
    )
