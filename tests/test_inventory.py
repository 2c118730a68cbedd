import numpy as np
import pandas as pd
import pytest

from phantomloom.phantom.export.voxel import nifti
from phantomloom.phantom.inventory import inventory
from phantomloom.structures import label
from phantomloom.volume import Volume


@pytest.fixture
def labels():
    array = np.zeros((10, 10, 10), np.uint8)
    array[:, :, :4], array[0, 0, 9] = label("liver"), label("gas")
    return Volume(array, (5.0, 2.0, 1.0))


def test_a_structure_weighs_its_volume_times_its_density(labels):
    liver = inventory(labels)[0]
    assert (liver.name, liver.voxels, liver.volume_ml) == ("liver", 400, 4.0)
    assert liver.mass_g == pytest.approx(4.0 * 1.06)


def test_the_outside_is_no_structure_but_gas_in_the_body_is(labels):
    assert [item.name for item in inventory(labels)] == ["liver", "gas"]


def test_an_id_that_the_table_lacks_is_named(labels):
    labels.array[5, 5, 5] = 250
    with pytest.raises(ValueError, match="250"):
        inventory(labels)


def test_the_table_beside_the_nifti_counts_every_voxel(labels, tmp_path):
    nifti.write(labels, tmp_path)
    table = pd.read_csv(tmp_path / "structures.tsv", sep="\t")
    assert list(table) == [
        "tag", "name", "material", "density_g_cm3", "voxel_count", "volume_ml", "mass_g"
    ]  # fmt: skip
    assert table.voxel_count.sum() == 1000
    assert table.tag[0] == 0 and table.material[0] == "air"


def test_the_compositions_beside_the_nifti_sum_to_one(labels, tmp_path):
    nifti.write(labels, tmp_path)
    table = pd.read_csv(tmp_path / "materials.tsv", sep="\t", index_col="name")
    assert set(table.index) == {"air", "liver"}
    fractions = table.drop(columns=["density_g_cm3", "source"])
    assert fractions.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
