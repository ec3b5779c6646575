"""The state of a run: pure, without a thread, a clock or chance."""
