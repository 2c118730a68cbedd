"""Report classifiers trained under differential privacy: reports, baselines, training, audit."""
