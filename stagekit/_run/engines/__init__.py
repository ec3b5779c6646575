"""The engines: each is given a whole prepared run and drives it itself."""
