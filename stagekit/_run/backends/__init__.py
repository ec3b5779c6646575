"""What makes the calls of a run: the calling thread, threads, an event loop, pools."""
