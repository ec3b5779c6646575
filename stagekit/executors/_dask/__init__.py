"""What ``stagekit.executors.dask`` is made of: the cluster, a call's way there, what comes back."""
