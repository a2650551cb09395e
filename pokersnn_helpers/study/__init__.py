"""What the chapters on evidence measure with; nothing here is needed to train a network."""
