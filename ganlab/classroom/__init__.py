"""For teachers: a kit for a class, submissions without a network, and grading that one bad submission cannot spoil."""
