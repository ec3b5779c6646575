"""What ``stagekit.executors.processes`` is made of: workers, what is sent to them, what they do."""
