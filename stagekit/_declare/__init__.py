"""Floor 1: what a user declares: stages, registries, what a run is given."""
