"""The scripts that made the files in `data/`: `python -m ganlab.data.make.NAME` makes them again."""
