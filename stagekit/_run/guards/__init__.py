"""What keeps a run and its host from disturbing one another."""
