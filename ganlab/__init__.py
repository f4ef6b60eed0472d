"""ganlab: see, measure, fix and prove the cure of mode collapse in GANs."""
