"""Read git repositories safely and completely."""
