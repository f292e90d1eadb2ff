"""How kernels are compiled: kept on disk between processes, and free of the global lock.

No fast-math flags: with them the order of a sum, and so its last bits and every draw after it, would depend on
whether a kernel was just compiled or read from disk.
"""

import numba as nb

__all__ = ["dot", "jit"]

jit = nb.njit(cache=True, nogil=True, error_model="numpy")


@jit
def dot(a, b):
    """Inner product in four interleaved partial sums, in an order that is fixed."""
    n = a.shape[0]
    s0 = s1 = s2 = s3 = 0.0
    whole = n - n % 4
    for t in range(0, whole, 4):
        s0 += a[t] * b[t]
        s1 += a[t + 1] * b[t + 1]
        s2 += a[t + 2] * b[t + 2]
        s3 += a[t + 3] * b[t + 3]
    for t in range(whole, n):
        s0 += a[t] * b[t]
    return (s0 + s1) + (s2 + s3)
