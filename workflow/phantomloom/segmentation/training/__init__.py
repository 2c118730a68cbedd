"""Training of the shipped networks: targets, samples, loss, loop; one question a module."""
