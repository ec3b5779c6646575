"""Floor 0: words that every other floor shares. Imports nothing of stagekit above itself."""
