"""Generators whose faults are known: each metric must say which one has them."""

import numpy as np
import pytest
import torch
from PIL import Image

from phantomloom import validation
from phantomloom.gan import judgement, segmenter
from phantomloom.gan.judgement import (
    CONSISTENCY,
    COPIES,
    DIVERSITY,
    EDGE,
    HISTOGRAM,
    MEMORISATION,
    NOISE,
    REAL,
    REAL_SWD,
    SWD,
    Judging,
)
from phantomloom.gan.pairs import Pairs
from phantomloom.gan.sampling import Sampler
from phantomloom.library.contest import Picture, contest_page

SIZE, LEVELS = 32, torch.tensor([-1.0, -0.2, 0.6])  # of background and the two classes
JUDGING = Judging(draws=3, masks=6, flat=("body",), seed=1)


def masks_of(count, seed):
    """A disc (1) with a smaller one (2) in it, somewhere."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    out = np.zeros((count, SIZE, SIZE), np.uint8)
    for mask in out:
        cy, cx = random.uniform(14, 17, 2)
        mask[np.hypot(y - cy, x - cx) < 10] = 1
        mask[np.hypot(y - cy - 2, x - cx + random.uniform(-3, 3)) < 3] = 2
    return out


def painted(masks, generator):
    """Images as they really are: a level a class, and noise of 0.1."""
    levels = LEVELS[torch.from_numpy(masks.astype(int))][:, None]
    return levels + 0.1 * torch.randn(levels.shape, generator=generator)


def pairs(people, seed, part, unit="HU"):
    masks = masks_of(8 * people, seed)
    images = painted(masks, torch.Generator().manual_seed(seed)).clamp(-1, 1)
    groups = tuple(f"{part}{n // 8}" for n in range(len(masks)))
    names = tuple(f"{group}/{n}" for n, group in enumerate(groups))
    hu = (images * 1000).round().numpy().astype(np.int16)
    parts = (part,) * len(masks)
    return Pairs(hu, masks, -1000, 1000, unit, ("body", "organ"), names, groups, parts, 2.0)


class Painter:
    """Paints masks as they are, or ``blind`` the mask of nobody; the noise is its own or none."""

    noise_size = SIZE * SIZE
    grain_size = 0

    def __init__(self, blind=False, noise=0.1):
        self.blind, self.noise = blind, noise

    def sample(self, masks, noise):
        classes = (masks * torch.tensor([1.0, 2.0])[:, None, None]).sum(1).long()
        levels = LEVELS[torch.zeros_like(classes) if self.blind else classes]
        grain = noise.view(-1, SIZE, SIZE)
        return (levels + self.noise * grain)[:, None]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    train, test = pairs(6, 1, "train"), pairs(4, 2, "test")
    judged_by = segmenter.train(train, segmenter.Recipe(60, 1, features=(8, 16)))

    def of(painter, test=test, **more):
        sampler = Sampler(painter, 2, 16)
        return judgement.judge(sampler, train, test, judged_by, JUDGING, folder, **more)

    return of


def test_who_paints_as_reality_does_is_as_near_to_it_as_other_people_are(judge):
    found = judge(Painter())
    assert found[SWD].value < 1.5 * found[REAL_SWD].value
    assert found[CONSISTENCY].value == pytest.approx(1, abs=0.05)
    assert found[HISTOGRAM].value < 50  # of the 2000 HU that the window spans
    assert found[NOISE].value < 0.2 and found[EDGE].value < 0.2
    noisy = judge(Painter(noise=0.3))
    for metric, limit in (
        (HISTOGRAM, 50),
        (NOISE, 0.2),
        (EDGE, 0.2),
        (MEMORISATION, 2),
        (COPIES, 0.2),
    ):
        assert 0 <= found[metric + REAL].value < limit
        assert noisy[metric + REAL] == found[metric + REAL]
    assert found[COPIES].value < 0.2


def test_who_ignores_the_mask_is_told_by_consistency_swd_and_histogram(judge):
    fine, blind = judge(Painter()), judge(Painter(blind=True))
    assert blind[CONSISTENCY].value < 0.5 * fine[CONSISTENCY].value
    assert blind[SWD].value > 2 * fine[SWD].value
    assert blind[HISTOGRAM].value > 5 * fine[HISTOGRAM].value


def test_three_times_the_noise_is_told_as_such(judge):
    found = judge(Painter(noise=0.3))
    assert found["noise of real, HU"].value == pytest.approx(100, rel=0.1)
    assert found["noise, HU"].value == pytest.approx(300, rel=0.1)
    assert found[NOISE].value == pytest.approx(np.log(3), abs=0.15)
    assert found["noise power departure"].value == pytest.approx(2 * np.log(3), abs=0.3)
    told = [name for name in found if name.startswith("noise power of real at")]
    white = (100 * 2.0) ** 2  # variance times the area of a pixel, at every frequency
    assert [found[name].value for name in told] == pytest.approx([white] * len(told), rel=0.3)
    assert len(told) >= 3


def test_who_knows_one_image_a_mask_has_no_diversity(judge):
    assert judge(Painter(noise=0.0))[DIVERSITY].value == pytest.approx(0, abs=1e-6)
    assert judge(Painter(noise=0.3))[DIVERSITY].value > 0.01


def test_no_more_images_are_scaled_at_once_than_a_metric_looks_at(judge, monkeypatch):
    """As numbers with a point images of a test part need not fit into memory."""
    largest, scaled = [], Pairs.scaled

    def watched(self, rows):
        largest.append(len(rows))
        return scaled(self, rows)

    monkeypatch.setattr(Pairs, "scaled", watched)
    monkeypatch.setattr("phantomloom.gan.metrics.swd.AT_ONCE", 1)
    monkeypatch.setattr("phantomloom.gan.metrics.memorisation.AT_ONCE", 8)
    monkeypatch.setattr("phantomloom.gan.segmenter.AT_ONCE", 8)
    judge(Painter())
    assert max(largest) == 8


def test_one_person_has_no_halves_and_faces_have_no_hu(judge):
    alone = judge(Painter(), test=pairs(1, 3, "test"))
    assert alone[REAL_SWD].value is None and "one person" in alone[REAL_SWD].reason
    assert alone[SWD].value > 0 and alone[NOISE + REAL].reason == alone[REAL_SWD].reason
    assert HISTOGRAM not in judge(Painter(), test=pairs(4, 2, "test", unit="grey"))


def test_without_features_four_metrics_say_why_and_with_them_they_have_values(judge):
    lacking = judge(Painter(), why_no_features="no network was named")
    assert {lacking[name].value for name in ("FID", "KID", "precision", "recall")} == {None}
    assert lacking["FID"].reason == "weights not available: no network was named"
    several = pairs(6, 2, "test")  # KID takes ten parts of each half
    coarse = {"features_of": lambda images: images[:][:, :, ::4, ::4].flatten(1).numpy()}
    means = judge(Painter(), test=several, **coarse)
    assert means["precision"].value > 0.5
    assert means["FID" + REAL].value == pytest.approx(means["FID"].value, rel=0.5)
    few = judge(Painter(), **coarse)
    assert few["KID"].value is None and "20 images are needed; there are 16" in few["KID"].reason
    told = {name: estimate._asdict() for name, estimate in means.items()}
    assert not validation.faults(told, validation.schema("gan_metrics"))


def test_a_page_tells_verdicts_means_reasons_and_shows_pictures(tmp_path):
    row = {"metric": SWD, "repeats": 3, "standard_error": 1.5}
    judged = {
        "judged_on": "ct_slices",
        "verdicts": [{"sentence": "one has a lower SWD than two."}],
        "means": [row | {"variant": "one", "mean": 21.25}, row | {"variant": "two", "mean": None}],
        "lacking": [{"metric": "FID", "reason": "weights not available"}],
    }
    Image.new("L", (30, 20)).save(tmp_path / "grid.png")
    page = contest_page("default", [judged], [Picture("one seed-1", "grid.png", 30, 20)])
    for told in (
        "one has a lower SWD than two.",
        "21.2",
        "FID: weights not available.",
        "grid.png",
    ):
        assert told in page
    assert page.count("<td>\N{EN DASH}</td>") == 1
