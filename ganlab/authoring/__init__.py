"""From `notebooks/src/NN_name.py` to the notebooks that a reader opens."""
