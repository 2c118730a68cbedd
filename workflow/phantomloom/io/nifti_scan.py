"""A NIfTI-1 file from anywhere as a scan.

Read here and not by SimpleITK, which (2.5) fills a truncated file up with zeros, takes a file
without orientation as if it had one, and refuses the sheared grid of a tilted gantry.
"""

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phantomloom.scan import Scan, UnusableScanError, to_hu

HEADER_BYTES = 348
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
TYPES |= {1024: "i8", 1280: "u8"}
MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units: unknown (mm by custom), m, mm, um
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
EXPORT = "export the scan again as NIfTI-1, e.g. by dcm2niix, or give the DICOM folder"


class Header(NamedTuple):
    """What of the 348 bytes matters; names as in nifti1.h."""

    dim: tuple[int, ...]
    datatype: str
    vox_offset: int
    scale: tuple[float, float]  # slope, intercept
    mm: float  # per unit of length
    sform: np.ndarray | None  # [3, 4] RAS
    qform: np.ndarray | None


def read(path: Path) -> Scan:
    """Return the three-dimensional image at ``path``.

    Raises:
        UnusableScanError: if it is damaged, not three-dimensional or without orientation.
    """
    content = _content(path)
    header = _header(content)
    affine = header.sform if header.sform is not None else header.qform
    if affine is None:
        raise UnusableScanError(
            "a header that says how the patient lies", "neither sform nor qform", EXPORT
        )
    affine = affine * header.mm * RAS_TO_LPS[:, None]
    return Scan(
        array=to_hu(_values(content, header)),
        axes_mm=affine[::-1, 2::-1].T,  # columns (x, y, z) of the file to rows (z, y, x)
        origin_mm=affine[::-1, 3],
        source="NIfTI",
        warnings=_warnings(header),
    )


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as fault:
        raise _damaged("a file that cannot be read or is cut short") from fault


def _damaged(came: str) -> UnusableScanError:
    return UnusableScanError("a whole NIfTI-1 file", came, EXPORT)


def _header(content: bytes) -> Header:
    order = "<" if content[:4] == struct.pack("<i", HEADER_BYTES) else ">"
    if len(content) < HEADER_BYTES or struct.unpack_from(order + "i", content)[0] != HEADER_BYTES:
        raise _damaged("a file without a NIfTI-1 header")

    def get(code: str, offset: int) -> tuple[Any, ...]:
        return struct.unpack_from(order + code, content, offset)

    (datatype,) = get("h", 70)
    if datatype not in TYPES:
        raise UnusableScanError("one number in each voxel", f"NIfTI datatype {datatype}", EXPORT)
    slope, intercept = get("2f", 112)
    qform_code, sform_code = get("2h", 252)
    (vox_offset,) = get("f", 108)
    if not np.isfinite(vox_offset):
        raise _damaged(f"a header whose voxels start at byte {vox_offset}")
    rank, *size = get("8h", 40)
    return Header(
        dim=_three(tuple(size[: max(0, rank)])),
        datatype=order + TYPES[datatype],
        vox_offset=int(vox_offset),
        scale=(slope, intercept) if slope and np.isfinite([slope, intercept]).all() else (1.0, 0.0),
        mm=MM.get(get("B", 123)[0] & 7, 1.0),
        sform=np.array(get("12f", 280)).reshape(3, 4) if sform_code > 0 else None,
        qform=_qform(get("8f", 76), get("6f", 256)) if qform_code > 0 else None,
    )


def _three(dim: tuple[int, ...]) -> tuple[int, ...]:
    if len(dim) < 3 or min(dim) < 1 or max(dim[3:], default=1) > 1:
        raise UnusableScanError(
            "a three-dimensional scan",
            f"an image of {' x '.join(map(str, dim)) or 'no'} voxels",
            "give one volume of the scan",
        )
    return dim[:3]


def _qform(pixdim: tuple[float, ...], quaternion: tuple[float, ...]) -> np.ndarray:
    """Return the affine [3, 4] of nifti1.h, method 2."""
    b, c, d, *offset = quaternion
    a = max(0.0, 1.0 - b * b - c * c - d * d) ** 0.5
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handedness = -1.0 if pixdim[0] < 0 else 1.0
    axes = rotation * np.array([pixdim[1], pixdim[2], handedness * pixdim[3]])
    return np.column_stack([axes, offset])


def _values(content: bytes, header: Header) -> np.ndarray:
    """Return the voxels [Z, Y, X], scaled."""
    count = int(np.prod(header.dim, dtype=np.int64))
    needed = header.vox_offset + count * np.dtype(header.datatype).itemsize
    if header.vox_offset < HEADER_BYTES:
        raise _damaged(f"voxels that begin at byte {header.vox_offset}, within the header")
    if len(content) < needed:
        raise _damaged(f"{len(content)} bytes where its header announces {needed}")
    values = np.frombuffer(content, header.datatype, count, header.vox_offset)
    slope, intercept = header.scale
    if (slope, intercept) != (1.0, 0.0):
        values = np.multiply(values, slope, dtype=np.float32, casting="same_kind")
        values += intercept
    return values.reshape(header.dim[::-1])


def _warnings(header: Header) -> tuple[str, ...]:
    if header.sform is None or header.qform is None:
        return ()
    if np.abs(header.sform[:, :3] - header.qform[:, :3]).max() < 0.05:
        return ()
    return ("the NIfTI header holds two orientations that differ; the sform was used",)
