from phantomloom.cohort import ct, description, person, scanner
from phantomloom.io import artefact, log, nifti

said = log.to(snakemake.log[0])
asked, settings = snakemake.params.asked, snakemake.params.settings
number, family, field_of_view = (asked[key] for key in ("number", "family", "field_of_view"))
who = person(number, family)
machine = number if settings["scanner"] == "own" else settings["scanner"]
scan, labels = ct(
    who,
    field_of_view,
    (settings["slice_mm"], settings["spacing_mm"], settings["spacing_mm"]),
    scanner=scanner(machine, family),
)
content = {
    "status": artefact.DONE,
    **description(who),
    "field_of_view": field_of_view,
    "scanner": machine,
}
said.info("%s", content)
nifti.write(scan, snakemake.output.ct)
nifti.write(labels, snakemake.output.labels)
artefact.write(content, snakemake.output.person, "person")
