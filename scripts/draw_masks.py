"""Draw images for any folder of masks by a trained generator: GENERATOR MASKS OUT."""

import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
from phantomloom.gan import sample_files, sampling, trained
from phantomloom.gan.data.squares import shrunk, values

parser = ArgumentParser(description="Draw images for a folder of masks by a trained generator.")
parser.add_argument("generator", type=Path, help="generator.safetensors")
parser.add_argument("masks", type=Path, help="folder of PNG masks: class numbers, 0 background")
parser.add_argument("out", type=Path, help="folder for the images and samples.tsv")
parser.add_argument("--per-mask", type=int, default=4, help="images of each mask")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--truncation", type=float, default=1.0, help="scale of the noise")
parser.add_argument("--toward", type=int, help="seed to go to: images on the way from --seed")
asked = parser.parse_args()
generator = trained.read(asked.generator)
files = sorted(asked.masks.glob("*.png"))
if not files:
    sys.exit(f"{asked.masks}: looked for *.png; there are none")
masks = np.stack([shrunk(values(file), generator.shape.size) for file in files])
if (most := masks.max()) > generator.shape.classes:
    sys.exit(f"{asked.masks}: class {most}; the generator has {generator.about.class_names}")
names = [file.stem for file in files]
if asked.toward is None:
    wishes = sampling.draws(names, asked.per_mask, asked.seed, asked.truncation)
else:
    way = sampling.way(asked.seed, asked.toward, asked.per_mask, asked.truncation)
    wishes = sampling.everywhere(len(files), way)
made = sampling.sampled(sampling.Sampler(generator, generator.shape.classes), masks, names, wishes)
written = sample_files.write_pictures(made, asked.out)
sample_files.write_list(written, asked.out / "samples.tsv")
