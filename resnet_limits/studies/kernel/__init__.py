"""Random networks whose width and depth are infinite."""
