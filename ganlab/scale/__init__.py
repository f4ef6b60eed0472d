"""Faces at scale: every method of the course on one trainer, from two cores to many GPUs."""
