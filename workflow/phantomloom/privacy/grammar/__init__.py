"""A grammar that writes radiology reports whose labels are known."""
