"""One file a variant: its networks, losses, optimiser and schedule, as a paper states them."""
