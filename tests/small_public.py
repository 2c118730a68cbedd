"""A public model of a few thousand weights and reports of the public grammar, for tests."""

from functools import cache

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import PreTrainedTokenizerFast

from phantomloom.privacy import encoding, models, public, rules
from phantomloom.privacy.data import synthetic
from phantomloom.privacy.reports import targets

SETTINGS = public.Settings(1, 2, 1e-2, 3, 1e-2, 4, 0.2, 1, 2.0)
REPORTS = 12
LONGEST = 24


@cache
def dataset():
    return synthetic.read(REPORTS, "mimic_cxr", "public", 3)


def texts():
    return [report.text for report in dataset().reports]


def labels():
    return torch.from_numpy(targets([r.labels for r in dataset().reports], "zeros").values)


@cache
def tokenizer():
    words = {word for text in texts() for part in rules.sentences(text) for word in part.split()}
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    numbers = {word: n for n, word in enumerate([*special, *sorted(words)])}
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=BertWordPieceTokenizer(numbers)._tokenizer,
        **dict(zip(names, special, strict=True)),
    )


def encoder(name="minilm"):
    return models.fresh(name, len(tokenizer()), seed=1)


def tokens():
    return encoding.tokens(tokenizer(), texts(), dataset().label_names, LONGEST)


def model(folder, name="minilm", settings=SETTINGS):
    return public.pretrain(encoder(name), tokenizer(), tokens(), labels(), settings, folder)
