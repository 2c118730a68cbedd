import os
import stat

import numpy as np
import pytest
from safetensors.numpy import save_file

from phantomloom.io import complete


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OSError, match="full"), complete(tmp_path / "a.txt") as partial:
        partial.write_text("ne")
        raise OSError("disk full")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o700])
def test_whoever_may_use_the_folder_may_use_the_file(tmp_path, mode):
    folder = tmp_path / "shared"
    folder.mkdir()
    os.chmod(folder, mode)
    with complete(folder / "a.safetensors") as partial:
        save_file({"x": np.zeros(3)}, partial)
    assert stat.S_IMODE((folder / "a.safetensors").stat().st_mode) == mode & 0o666
