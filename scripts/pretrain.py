"""Teach the public model by reports that the public grammar wrote."""

from pathlib import Path

import torch

from phantomloom.io import log
from phantomloom.privacy import encoding, models, public
from phantomloom.privacy.data import synthetic
from phantomloom.privacy.reports import targets
from phantomloom.privacy.study import wanted
from phantomloom.privacy.training import forget

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
settings = dict(snakemake.params.settings)
written = synthetic.read(settings.pop("reports"), snakemake.wildcards.label_set, "public")
texts, labels = zip(*((report.text, report.labels) for report in written.reports), strict=True)
encoder, tokenizer = models.load(Path(snakemake.params.source))
tokens = encoding.tokens(tokenizer, texts, written.label_names, snakemake.params.longest)
truth = wanted(targets(labels, snakemake.wildcards.uncertain))
folder = Path(snakemake.output[0]).parent
how = public.Settings.of(settings)
place = (folder, device, snakemake.params.code)
public.write(public.pretrain(encoder, tokenizer, tokens, truth, how, *place), folder)
forget(folder)
