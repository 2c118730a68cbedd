"""From a label map to what simulators read: materials and masses, surfaces, file formats."""
