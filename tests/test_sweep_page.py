import shutil
import subprocess
from html import unescape

import numpy as np
import pytest
from PIL import Image

from phantomloom.library.sweep import sweep_page
from phantomloom.privacy import picture, statistics
from phantomloom.privacy.bootstrap import Run
from phantomloom.privacy.reports import Targets

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def runs(right, random):
    """Two seeds of 60 reports whose labels are found with probability ``right``."""
    made = {}
    for seed in (1, 2):
        values = (np.random.default_rng(seed).random((60, 3)) < 0.4).astype(np.float32)
        found = np.where(random.random((60, 3)) < right, values, 1 - values)
        made[seed] = Run(Targets(values, np.ones_like(values, bool)), found, np.arange(60) // 2)
    return made


@pytest.fixture(scope="module")
def comparison():
    random = np.random.default_rng(0)
    levels = {"public": 0.7, "0.1": 0.72, "10": 0.9, "lora": 0.95}
    said = {level: runs(right, random) for level, right in levels.items()}
    rules = {"rules": runs(0.8, random)}
    return statistics.compare(
        "my_<reports>", "minilm", said, rules, 0.3, "patient", 3e-5, number=50
    )


def test_a_sweep_s_page_has_conclusion_levels_baselines_and_tests(comparison):
    page = sweep_page("default", [comparison], (700, 400))
    assert comparison["conclusion"] in unescape(page)
    for row in (*comparison["levels"], *comparison["baselines"]):
        assert f"{row['metrics']['weighted_f1']['mean']:.3f}" in page
    assert "of a patient" in page and "at delta 3e-05" in page
    assert "my &lt;reports&gt;" in page and "<reports>" not in page
    assert page.count("<tr>") == 2 + 4 + 2 + len(comparison["pairs"])


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_the_page_and_its_picture(comparison, tmp_path):
    picture.draw([comparison], tmp_path / "tradeoff.png")
    with Image.open(tmp_path / "tradeoff.png") as drawn:
        size = drawn.size
    (tmp_path / "index.html").write_text(sweep_page("default", [comparison], size))
    shot = tmp_path / "shot.png"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}"]
    subprocess.run([*command, (tmp_path / "index.html").as_uri()], check=True, capture_output=True)
    with Image.open(shot) as seen:
        assert len(np.unique(np.asarray(seen).reshape(-1, 3), axis=0)) > 100
