"""The hot loops of runs that are simple."""
