"""Draw images for any folder of masks by a trained generator: GENERATOR MASKS OUT."""

import sys
from argparse import ArgumentParser
from itertools import count
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
from phantomloom.gan import editing, sample_files, sampling, trained
from phantomloom.gan.data import folder


def class_value(text):
    """Return NAME and VALUE of NAME=VALUE; where there is none argparse tells."""
    name, value = text.rsplit("=", 1)
    return name, int(value)


parser = ArgumentParser(description="Draw images for a folder of masks by a trained generator.")
parser.add_argument("generator", type=Path, help="generator.safetensors")
parser.add_argument("masks", type=Path, help="folder of PNG masks: 1, 2, ... or as --class says")
parser.add_argument("--class", dest="classes", action="append", type=class_value, help="NAME=N")
parser.add_argument("out", type=Path, help="folder for the images and samples.tsv")
parser.add_argument("--per-mask", type=int, default=4, help="images of each mask")
parser.add_argument("--seed", type=int, default=1, help="same masks and seed: same noise")
parser.add_argument("--truncation", type=float, default=1.0, help="scale of the noise")
parser.add_argument("--toward", type=int, help="seed to go to: images on the way from --seed")
parser.add_argument("--remove", nargs=1, metavar="CLASS", help="what is beside it grows in")
parser.add_argument("--move", nargs=3, metavar=("CLASS", "DOWN", "RIGHT"), help="by pixels")
parser.add_argument("--scale", nargs=2, metavar=("CLASS", "FACTOR"), help="about its centre")
asked = parser.parse_args()
generator = trained.read(asked.generator)
names, size = generator.about.class_names, generator.shape.size
classes = dict(asked.classes or zip(names, count(1)))
print("values in the masks:", ", ".join(f"{name}={value}" for name, value in classes.items()))
table = folder.numbers(classes, names)
masks = editing.edited(folder.masks(asked.masks, table, size), names, vars(asked))
if asked.toward is None:
    wishes = sampling.draws(list(masks), asked.per_mask, asked.seed, asked.truncation)
else:
    way = sampling.way(asked.seed, asked.toward, asked.per_mask, asked.truncation)
    wishes = sampling.everywhere(len(masks), way)
sampler = sampling.Sampler.of(generator)
made = sampling.sampled(sampler, np.stack(list(masks.values())), list(masks), wishes)
sample_files.write_list(sample_files.write_pictures(made, asked.out), asked.out / "samples.tsv")
