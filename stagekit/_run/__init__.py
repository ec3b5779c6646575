"""Floor 3: carries a plan out and tells what became of it."""
