import json
import re
import runpy
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from test_library import GROUPS, MEASUREMENTS, WITHHELD, artefacts, refused

from phantomloom.io import artefact, log
from phantomloom.library import page, table
from phantomloom.library.files import File
from phantomloom.phantom.export.mesh import glb, stl
from phantomloom.phantom.mesh import Mesh
from phantomloom.structures import structures

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: pages were not opened in a browser"
)
NOTE = "<script>document.title = 'stolen'</script>"
LATER = ("verdict", "voxel", "mesh", "simulate/abdomen")
CASES = {
    "good": (artefacts(), MEASUREMENTS),
    "with held": (artefacts(**dict.fromkeys(LATER, WITHHELD)), MEASUREMENTS),
    "refused": (refused(), []),
}


class Reader(HTMLParser):
    """Collects what a page points to, shows and runs."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.images, self.tags, self.words, self.scrolled = [], [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(attributes)
        if attributes.get("role") == "region":
            self.scrolled.append(attributes)
        self.targets += [attributes[key] for key in ("href", "src") if key in attributes]

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library of three cases as the rules lay it out; returns results/library."""
    results = tmp_path_factory.mktemp("site") / "results"
    contents = [write_case(results, case, *told) for case, told in CASES.items()]
    for name in ("phantoms.csv", "phantoms.parquet"):
        (results / "library" / name).touch()
    (results / "library/index.html").write_text(page.index_page(contents))
    return results / "library"


def write_case(results, case, told, measurements):
    folder = results / "library" / case
    folder.mkdir(parents=True)
    images = {name: Image.new("RGB", (60, 40)) for name in ("coronal", "axial", "mesh")}
    for name in (*images, "thumbnail"):
        Image.new("RGB", (60, 40)).save(folder / f"{name}.png")
    files = []
    if told["ingest"]["status"] == "done":
        ct = results / "ingest" / case / "ct.nii.gz"
        ct.parent.mkdir(parents=True)
        ct.touch()
        files = [File("source CT", ct.relative_to(results).as_posix(), "ct.nii.gz")]
    rows = table.structure_rows(measurements, told)
    row = table.row(case, NOTE, told, rows, GROUPS)
    (folder / "index.html").write_text(page.case_page(row, rows, told, images, files))
    content = page.card(row, rows, told, Image.new("RGB", (60, 40)), files, GROUPS)
    artefact.write(content, folder / "case.json", schema="page")
    return artefact.read(folder / "case.json")


def pages(library):
    return [library / "index.html", *(library / case / "index.html" for case in CASES)]


def test_no_link_or_picture_is_missing_and_none_leaves_the_disk(library):
    for path in pages(library):
        targets = Reader(path.read_text()).targets
        assert targets
        for target in targets:
            if target != "data:,":
                assert not target.startswith(("http", "/", "//")), target
                assert (path.parent / unquote(target)).exists(), f"{path}: {target}"


def test_every_picture_says_what_it_shows_and_reserves_its_place(library):
    images = [image for path in pages(library) for image in Reader(path.read_text()).images]
    assert len(images) >= 5
    for image in images:
        assert image["alt"]
        assert image["width"]
        assert image["loading"] == "lazy"


def test_no_words_promise_a_picture_that_was_not_made(library):
    before = "source CT coronal and axial, labels coronal"
    assert [image["alt"] for image in Reader((library / "index.html").read_text()).images] == [
        f"good: {before}, meshes from the front, simulated CT coronal",
        f"with held: {before}",
    ]
    shown = {path.parent.name: Reader(path.read_text()).images for path in pages(library)[1:]}
    files = {case: [image["src"] for image in images] for case, images in shown.items()}
    assert files == {
        "good": ["coronal.png", "axial.png", "mesh.png"],
        "with held": ["coronal.png", "axial.png"],
        "refused": [],
    }


def test_what_scrolls_sideways_is_reached_by_the_keyboard_and_has_a_name(library):
    scrolled = Reader((library / "good/index.html").read_text()).scrolled
    names = ["coronal sections", "axial sections", "structures"]
    assert [its["aria-label"] for its in scrolled] == names
    assert all(its["tabindex"] == "0" for its in scrolled)


@pytest.mark.parametrize(
    ("case", "reason"), [("with held", "liver of 38 ml"), ("refused", "came a localizer")]
)
def test_a_case_that_was_stopped_is_shown_with_its_reason(library, case, reason):
    assert reason in Reader((library / "index.html").read_text()).words
    assert reason in Reader((library / case / "index.html").read_text()).words


def test_counts_say_what_became_of_the_cases(library):
    words = " ".join(Reader((library / "index.html").read_text()).words.split())
    assert "3cases 1done 1withheld 1refused" in words.replace(" cases", "cases")


def test_what_people_write_is_shown_and_never_run(library):
    for path in pages(library):
        reader = Reader(path.read_text())
        assert NOTE in reader.words
        assert reader.tags.count("script") == (path.parent == library)


def test_unknown_age_and_sex_are_said_to_be_unknown(library):
    words = " ".join(Reader((library / "refused/index.html").read_text()).words.split())
    assert "sex unknown · age unknown" in words


def test_a_scan_that_the_networks_were_trained_on_is_marked(library):
    assert "seen in training" in Reader((library / "good/index.html").read_text()).words
    assert "seen in training" not in Reader((library / "refused/index.html").read_text()).words


def test_the_case_page_lists_every_structure_with_its_figures(library):
    words = Reader((library / "good/index.html").read_text()).words
    for measured in MEASUREMENTS:
        assert measured["name"].replace("_", " ") in words
        assert structures()[measured["name"]].material.replace("_", " ") in words
    assert f"{page.MINUS}1.00" in words


def test_the_case_page_says_what_the_simulated_scan_did_not_cover(library):
    words = Reader((library / "good/index.html").read_text()).words
    assert "12 mm at the foot end, 7 mm at the head end" in words
    assert "68 mm of the body; HU are too high, most near the edge" in words


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("tube_current_ma", "tube current (mA)"),
        ("density_g_cm3", "density (g/cm³)"),
        ("convolution_kernel", "convolution kernel"),
    ],
)
def test_keys_are_told_in_words_with_their_unit(key, said):
    assert page.words(key) == said


def draw(tmp_path, monkeypatch, mesh_formats, told):
    """Run the script on a case without images; return the colours in its picture of the meshes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "to", lambda path: None)
    mesh, voxel, empty = (Path("results/phantom/p", name) for name in ("mesh", "voxel", "empty"))
    for folder in (mesh, voxel):
        folder.mkdir(parents=True, exist_ok=True)
    empty.touch()
    pd.DataFrame(MEASUREMENTS).to_parquet("measured.parquet")
    paths = [Path(f"{number}.json") for number, _ in enumerate(told)]
    for path, content in zip(paths, told.values(), strict=True):
        path.write_text(json.dumps(content))
    pictures = ("coronal", "axial", "sagittal", "mesh", "thumbnail")
    output = {name: f"results/library/p/{name}.png" for name in pictures}
    output |= {"page": "results/library/p/index.html", "case": "results/library/p/case.json"}
    given = {"ct": empty, "labels": empty, "simulated": [], "measured": "measured.parquet"}
    params = {"stages": list(told), "titles": ["source CT", "labels"], "note": None}
    params["settings"] = yaml.safe_load((ROOT / "config.yaml").read_text())["library"]
    job = SimpleNamespace(
        input=SimpleNamespace(**given, mesh=mesh, voxel=voxel, artefacts=paths),
        output=Named(output),
        params=SimpleNamespace(**params, mesh_formats=mesh_formats),
        wildcards=SimpleNamespace(case="p"),
        log=["log"],
    )
    runpy.run_path(str(ROOT / "scripts/page.py"), {"snakemake": job})
    return len(Image.open(output["mesh"]).convert("RGB").getcolors(1 << 20))


class Named(dict):
    """Files by name, as Snakemake hands them over."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize("format", [stl, glb])
def test_the_meshes_are_shown_whatever_format_they_are_written_in(tmp_path, monkeypatch, format):
    name = format.__name__.rpartition(".")[2]
    none = draw(tmp_path, monkeypatch, [name], artefacts())
    folder = tmp_path / "results/phantom/p/mesh" / name
    folder.mkdir()
    format.write({"liver": tetrahedron()}, folder)
    assert draw(tmp_path, monkeypatch, [name], artefacts()) != none
    reds = np.asarray(Image.open(tmp_path / "results/library/p/mesh.png").convert("RGB")).astype(
        int
    )
    assert (reds[..., 0] - reds[..., 2] > 60).any()  # the liver's colour


def tetrahedron() -> Mesh:
    corners = np.array([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], np.float32)
    return Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))


def in_browser(library, tmp_path, script):
    """What the page of all cases is after ``script``, as a browser would write it down."""
    probe = library / "probe.html"
    after = f"<script>{script}</script></body>"
    probe.write_text((library / "index.html").read_text().replace("</body>", after))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    quiet = "--disable-background-networking --disable-component-update --disable-sync"
    told = subprocess.run(
        [CHROMIUM, *flags.split(), *quiet.split(), f"--user-data-dir={tmp_path}", "--dump-dom",
         probe.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    probe.unlink()
    return told


@NEEDS_CHROMIUM
def test_a_browser_shows_the_cases_and_its_filter_works(library, tmp_path):
    told = in_browser(library, tmp_path, "form.status.value = 'refused'; show();")
    assert "1 of 3 shown" in told
    assert "stolen" not in told.split("</title>")[0]


@NEEDS_CHROMIUM
def test_the_search_reads_case_note_and_reasons_and_the_cases_are_in_order_from_the_start(
    library, tmp_path
):
    """Kidneys are an amount of each measured case, and every scan has a file "source CT"."""
    script = """
    document.body.dataset.order = [...list.children].map((node) => node.dataset.case);
    for (const word of ["good", "stolen", "localizer", "liver", "kidneys", "source"]) {
      form.words.value = word;
      show();
      document.body.dataset[word] = cases.filter(({ node }) => !node.hidden).length;
    }"""
    (body,) = re.findall("<body(.*?)>", in_browser(library, tmp_path, script))
    found = dict(re.findall(r'data-(\w+)="(.*?)"', body))
    assert found.pop("order") == "good,refused,with held"
    assert found == {
        **{"good": "1", "stolen": "3", "localizer": "1", "liver": "2"},
        **{"kidneys": "0", "source": "0"},
    }
