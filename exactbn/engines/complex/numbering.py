"""The loops that number the faces of a lattice by dimension, and find the regions of a facet."""

from exactbn.engines.compiled import kernel
from exactbn.engines.complex.kernels import FACES


@kernel
def renumber(w, d, starts, new_id):  # type: ignore[no-untyped-def]
    """Number the faces by dimension, in order of creation within each.

    Writes ``new_id`` of every face and the first id of each dimension into ``starts`` (d + 2).
    """
    dim, faces = w.dim, w.used[FACES]
    for k in range(d + 2):
        starts[k] = 0
    for f in range(faces):
        new_id[f] = starts[dim[f] + 1]
        starts[dim[f] + 1] += 1
    for k in range(d + 1):
        starts[k + 1] += starts[k]
    for f in range(faces):
        new_id[f] += starts[dim[f]]


@kernel
def sort_by_dimension(w, new_id, dim, size, slot, own):  # type: ignore[no-untyped-def]
    """Write what is known of every face in the new numbering, but for its facets.

    Returns the number of facets of all faces together.
    """
    dims, sizes, slots, owns = w.dim, w.size, w.slot, w.own
    total = 0
    for f in range(w.used[FACES]):
        g = new_id[f]
        dim[g], size[g], slot[g], own[g] = dims[f], sizes[f], slots[f], owns[f]
        total += sizes[f]
    return total


@kernel
def copy_lists(w, new_id, first, arena, roots, renew):  # type: ignore[no-untyped-def]
    """Write the facet lists in the new numbering to ``arena`` at the offsets ``first``.

    With ``roots`` an edge's root follows its list; with ``renew`` the edge is its own new root.
    """
    dims, sizes, starts, lists = w.dim, w.size, w.first, w.arena
    for f in range(w.used[FACES]):
        source, target = starts[f], first[new_id[f]]
        for i in range(sizes[f]):
            arena[target + i] = new_id[lists[source + i]]
        if dims[f] == 1 and roots:
            offset = 0 if renew else 2
            arena[target + 2] = new_id[lists[source + offset]]
            arena[target + 3] = new_id[lists[source + offset + 1]]


@kernel
def facet_owners(indptr, indices, first, owners):  # type: ignore[no-untyped-def]
    """Write the one or two regions of every facet to ``owners``, ascending.

    ``first`` is the id of the first facet. Returns 0, or 1 where a facet has more than two.
    """
    for region in range(indptr.shape[0] - 1):
        for i in range(indptr[region], indptr[region + 1]):
            facet = indices[i] - first
            if owners[facet, 0] < 0:
                owners[facet, 0] = region
            elif owners[facet, 1] < 0:
                owners[facet, 1] = region
            else:
                return 1
    return 0
