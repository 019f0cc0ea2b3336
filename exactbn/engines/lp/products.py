"""The inner products of the compiled loops, put in place where they are called.

Terms are added from the first to the last, a constant before them. So with n coefficients the
constant passes n roundings and no product more than n + 1: |computed - exact| is at most
(n + 1) u (1 + (n + 1) u) times the sum of the absolute values, u = 2^-53, where nothing underflows.
"""

from exactbn.engines.compiled import inlined


@inlined
def dot(a, b):  # type: ignore[no-untyped-def]
    """Return sum_i a_i b_i."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@inlined
def form_value(row, y):  # type: ignore[no-untyped-def]
    """Return the value of the form (c, a) = row: c + sum_i a_i y_i."""
    total = row[0]
    for i in range(len(y)):
        total += row[1 + i] * y[i]
    return total


@inlined
def form_size(row, reach):  # type: ignore[no-untyped-def]
    """Return sum_i |a_i| reach_i of the form (c, a) = row."""
    total = 0.0
    for i in range(len(reach)):
        total += abs(row[1 + i]) * reach[i]
    return total


@inlined
def row_value(c, A, r, y):  # type: ignore[no-untyped-def]
    """Return c_r + sum_i A_ri y_i."""
    total = c[r]
    for i in range(len(y)):
        total += A[r, i] * y[i]
    return total


@inlined
def row_slope(A, r, v):  # type: ignore[no-untyped-def]
    """Return sum_i A_ri v_i."""
    total = 0.0
    for i in range(len(v)):
        total += A[r, i] * v[i]
    return total


@inlined
def row_square(A, r):  # type: ignore[no-untyped-def]
    """Return sum_i A_ri^2."""
    total = 0.0
    for i in range(A.shape[1]):
        total += A[r, i] * A[r, i]
    return total


@inlined
def slope_and_slack(c, A, r, v, y):  # type: ignore[no-untyped-def]
    """Return (sum_i A_ri v_i, c_r + sum_i A_ri y_i) in one pass."""
    slope, slack = 0.0, c[r]
    for i in range(len(y)):
        slope += A[r, i] * v[i]
        slack += A[r, i] * y[i]
    return slope, slack


@inlined
def column_product(f, M, j):  # type: ignore[no-untyped-def]
    """Return sum_i f_i M_ij."""
    total = 0.0
    for i in range(len(f)):
        total += f[i] * M[i, j]
    return total


@inlined
def column_size(M, j):  # type: ignore[no-untyped-def]
    """Return max_i |M_ij|."""
    largest = 0.0
    for i in range(M.shape[0]):
        largest = max(largest, abs(M[i, j]))
    return largest


@inlined
def copy(y, v):  # type: ignore[no-untyped-def]
    """Write v to y, which is another array: a slice would look first whether they overlap."""
    for i in range(len(y)):
        y[i] = v[i]


@inlined
def fill(y, value):  # type: ignore[no-untyped-def]
    """Write the same number to all places of y."""
    for i in range(len(y)):
        y[i] = value


@inlined
def add(y, t, v):  # type: ignore[no-untyped-def]
    """Add t v to y."""
    for i in range(len(y)):
        y[i] += t * v[i]


@inlined
def add_row(y, t, A, r):  # type: ignore[no-untyped-def]
    """Add t times row r of A to y."""
    for i in range(len(y)):
        y[i] += t * A[r, i]


@inlined
def greatest(g, lo, hi, start):  # type: ignore[no-untyped-def]
    """Return start plus the greatest value of g y for lo <= y <= hi."""
    total = start
    for i in range(len(g)):
        total += max(g[i] * lo[i], g[i] * hi[i])
    return total
