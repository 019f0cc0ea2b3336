"""Pictures of exact polyhedra: clipped in integers, rounded once, drawn with matplotlib."""
