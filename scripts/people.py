"""Draw the stylised people of one file: NUMBER/hu and NUMBER/labels, every tenth a whole body."""

from pathlib import Path

from safetensors.numpy import save_file

from phantomloom.cohort import ct, person, scanner
from phantomloom.io import complete, log

said = log.to(snakemake.log[0])
family, persons = snakemake.wildcards.family, snakemake.params.persons
first = int(snakemake.wildcards.file) * persons
fine_mm = 2.5 if family == "standard" else 1.5  # a third of the time; those to score on are finer
tensors = {}
for number in range(first, first + persons):
    field = "whole" if number % 10 == 0 else "random"
    who, machine = person(number, family), scanner(number, family)
    scan, labels = ct(who, field, snakemake.params.spacing_mm, scanner=machine, fine_mm=fine_mm)
    tensors |= {f"{number}/hu": scan.array, f"{number}/labels": labels.array}
    said.info("person %d: %s voxels", number, scan.array.shape)
with complete(Path(snakemake.output[0])) as partial:
    save_file(tensors, partial)
