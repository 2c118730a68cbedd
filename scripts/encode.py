"""Read each report of a data set by the public model and by the rules."""

from pathlib import Path

import pandas as pd
import torch

from phantomloom.io import log
from phantomloom.privacy import encoding, models, public
from phantomloom.privacy.data import stored

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
rows = pd.read_parquet(snakemake.input.reports)
dataset = stored.dataset(snakemake.wildcards.dataset, rows)
texts = [report.text for report in dataset.reports]
start = models.load(Path(snakemake.params.source))
model = public.read(Path(snakemake.input.public[0]).parent, *start)
reading = (dataset.label_names, snakemake.params.longest, snakemake.params.wholly_normal)
encoded = encoding.encode(model, texts, *reading, device)
encoding.write(encoded, Path(snakemake.output[0]))
