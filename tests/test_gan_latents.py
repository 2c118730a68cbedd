"""Noise: remade from its seed, on the arc between two, and smooth along z."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.gan.latents import Column, Latent, between, drawn, seed_of


def test_a_latent_is_remade_from_what_is_recorded_of_it():
    latent = Latent(12345, 0.7)
    assert torch.equal(latent.noise(64), Latent(12345, 0.7).noise(64))
    assert not torch.equal(latent.noise(64), Latent(12346, 0.7).noise(64))
    torch.testing.assert_close(latent.noise(64), 0.7 * Latent(12345).noise(64))
    assert latent.noise(64).dtype == torch.float32


def test_noise_is_standard_normal():
    noise = drawn(1, 100_000)
    assert abs(float(noise.mean())) < 0.01 and abs(float(noise.std()) - 1) < 0.01


def test_seeds_differ_by_mask_number_and_seed_and_by_nothing_else():
    seeds = {seed_of(s, mask, n) for s in range(5) for mask in ("a", "b/z1") for n in range(50)}
    assert len(seeds) == 500
    assert seed_of(3, "a", 7) == seed_of(3, "a", 7)
    assert all(0 <= seed < 2**53 for seed in seeds)  # what JSON holds exactly
    assert seed_of(1, "1/a", 2) != seed_of(1, "a", 21)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 999), st.integers(1000, 1999), st.floats(0, 1), st.floats(0.2, 5))
def test_the_arc_keeps_the_norm_and_goes_evenly(one, other, share, length):
    a, b = (length * v / v.norm() for v in (drawn(one, 32), drawn(other, 32)))
    found = between(a, b, share)
    assert float(found.norm()) == pytest.approx(length, rel=1e-4)
    whole = torch.arccos((a @ b) / length**2)
    gone = torch.arccos(((a @ found) / length**2).clamp(-1, 1))
    assert float(gone) == pytest.approx(share * float(whole), abs=2e-3)
    plane = torch.linalg.lstsq(torch.stack([a, b], 1), found[:, None]).solution
    torch.testing.assert_close(torch.stack([a, b], 1) @ plane, found[:, None], atol=1e-4, rtol=0)


def test_the_ends_of_the_way_are_the_two_draws():
    a, b = drawn(1, 16), drawn(2, 16)
    torch.testing.assert_close(between(a, b, 0.0), a)
    torch.testing.assert_close(between(a, b, 1.0), b)
    torch.testing.assert_close(Latent(1, 1.0, 2, 1.0).noise(16), b)
    lengths = [float(between(a, 3 * b, share).norm()) for share in (0, 0.25, 0.5, 1)]
    expected = np.interp((0, 0.25, 0.5, 1), (0, 1), (float(a.norm()), 3 * float(b.norm())))
    assert lengths == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(between(a, a, 0.3), a)
    torch.testing.assert_close(between(a, -a, 0.5), torch.zeros(16))


@pytest.mark.parametrize("smooth", [0.0, 0.7, 2.0, 5.0])
def test_noise_along_z_has_unit_variance_and_the_asked_correlation(smooth):
    """Over 20,000 numbers a slice, so that the standard error is below 0.01."""
    noise = Column(3, smooth).noise(20_000, 12).numpy().astype(float)
    assert noise.shape == (12, 20_000)
    np.testing.assert_allclose(noise.var(axis=1), 1, atol=0.04)  # the ends too
    for apart in (1, 3):
        found = (noise[apart:] * noise[:-apart]).mean(axis=1)
        expected = np.exp(-((apart / smooth) ** 2) / 4) if smooth else 0.0
        # a Gaussian of 0.7 slices is coarsely sampled
        np.testing.assert_allclose(found, expected, atol=0.04)


def test_the_grain_of_neighbouring_slices_is_independent():
    noise = Column(3, 5.0).noise(9_000, 12, grain=5_000).numpy().astype(float)
    of_latent, of_grain = noise[:, :4_000], noise[:, 4_000:]
    np.testing.assert_allclose((of_grain[1:] * of_grain[:-1]).mean(axis=1), 0, atol=0.05)
    np.testing.assert_allclose(of_grain.var(axis=1), 1, atol=0.08)
    assert (of_latent[1:] * of_latent[:-1]).mean() > 0.9


def test_noise_along_z_follows_seed_and_truncation():
    whole = Column(3, 2.0).noise(8, 5)
    assert whole.dtype == torch.float32
    assert torch.equal(whole, Column(3, 2.0).noise(8, 5))
    torch.testing.assert_close(Column(3, 2.0, 0.5).noise(8, 5), 0.5 * whole)
    assert not torch.allclose(Column(4, 2.0).noise(8, 5), whole)
