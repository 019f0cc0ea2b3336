"""How loops are compiled: two decorators, and what a record of arrays costs.

Compiled code is kept on the disk beside the module, or where NUMBA_CACHE_DIR says, until the module
changes; what a function calls in other modules is not looked at.

A record of arrays is passed array by array, some seven numbers each. So a call, and an entry into a
compiled function, of large records is long code, and takes long to compile; and so does every use
of a record, which is read as a whole before one of its arrays is taken. Hence three habits: a
function with a single caller is ``inlined``, arrays that are used twice get a name of their own,
and a counter that begins with 0 is passed as ``np.int64(counter)``, as a function is compiled for
the literal 0 and then again.
"""

from typing import Any

from numba import njit
from numba.core.options import DefaultOptions


def _known(**options: bool) -> dict[str, Any]:
    """Return the options that there are: they are numba's own and may go.

    Without them the loops are right, and slower to run or to compile.
    """
    return {name: value for name, value in options.items() if hasattr(DefaultOptions, name)}


#: Compiles a function that allocates nothing and returns no array. References to the arrays of its
#: records, dozens a call, are then not counted: in short programs that was half of the time. Nor is
#: there an entry for C, which is as large as that for Python. Other threads may run meanwhile.
kernel = njit(
    cache=True, nogil=True, error_model="numpy", **_known(_nrt=False, no_cfunc_wrapper=True)
)

#: Puts a function in place wherever a compiled one calls it.
inlined = njit(error_model="numpy", inline="always")
