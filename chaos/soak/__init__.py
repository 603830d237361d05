"""A soak: the same short scenario again and again, each time another process killed at another moment."""
