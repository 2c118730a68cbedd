"""A CT scan of a phantom: spectrum, geometry, projector, detector, reconstruction, quality."""
