"""Reading pack files directly: every object is inflated once, delta chains are walked from their bases."""
