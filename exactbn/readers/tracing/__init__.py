"""torch modules, read by running them on symbols."""
