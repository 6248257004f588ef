"""Random networks walked otherwise than layer by layer."""
