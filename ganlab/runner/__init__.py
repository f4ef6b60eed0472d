"""Running notebooks: find a chapter, check its parameters, execute it, keep what it gave."""
