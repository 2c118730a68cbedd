"""Judge a generator on masks of people that it has not seen."""

from functools import partial
from pathlib import Path

import torch

from phantomloom.gan import judgement, pairs, trained
from phantomloom.gan.metrics import feature_network
from phantomloom.gan.sampling import Sampler
from phantomloom.gan.segmenter import Segmenter
from phantomloom.io import artefact, log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
given, p = snakemake.input, snakemake.params
key = f"gan.contests.{snakemake.wildcards.contest}.judged_on"
train, test = pairs.read_sides(Path(given.train[0]).parent, Path(given.test[0]).parent, key)
sampler = Sampler.of(trained.read(given.generator, device), device)
network = Path(p.features) if p.features else None
why_not = feature_network.lacking(network, "network under gan.features")
features = None if why_not else partial(feature_network.of_images, network, device=device)
segmenter, judging = Segmenter.read(Path(given.segmenter), device), judgement.Judging.of(p.judging)
folder = Path(snakemake.output[0]).parent
found = judgement.judge(sampler, train, test, segmenter, judging, folder, features, why_not or "")
told = {name: estimate._asdict() for name, estimate in found.items()}
artefact.write(told, snakemake.output[0], schema="gan_metrics")
