"""Writes small CT series as DICOM, as crooked as a test wants them."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def write_series(
    folder: Path,
    hu: np.ndarray,
    positions,
    orientation=(1, 0, 0, 0, 1, 0),
    spacing_mm=(1.0, 1.0),
    numbers=None,
    **attributes,
):
    """Write ``hu`` [N, rows, columns], slice i at ``positions[i]``; return the files.

    An attribute that is a list of N values is given slice by slice; None leaves it out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:04}.dcm" for number in numbers or range(len(hu))]
    for i, (file, picture) in enumerate(zip(files, hu, strict=True)):
        header = _header(picture.shape)
        header.ImagePositionPatient = [float(mm) for mm in positions[i]]
        header.ImageOrientationPatient = [float(cosine) for cosine in orientation]
        header.PixelSpacing = list(spacing_mm)
        for keyword, value in attributes.items():
            if value is None:
                continue
            each = isinstance(value, list) and len(value) == len(hu)
            setattr(header, keyword, value[i] if each else value)
        kind = np.int16 if header.PixelRepresentation else np.uint16
        raw = (picture.astype(float) - header.RescaleIntercept) / header.RescaleSlope
        header.PixelData = np.rint(raw).astype(np.int64).astype(kind).tobytes()
        for keyword in [k for k, value in attributes.items() if value is None and k in header]:
            delattr(header, keyword)
        header.save_as(file, enforce_file_format=True)
    return files


def _header(shape) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    header.Modality, header.SeriesInstanceUID, header.SeriesNumber = "CT", "1.2.3", 2
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.Rows, header.Columns = shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = 0
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    return header
