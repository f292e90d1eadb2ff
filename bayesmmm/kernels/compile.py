"""How kernels are compiled: kept on disk between processes, and free of the global lock."""

import numba as nb

__all__ = ["jit", "jit_sum"]

jit = nb.njit(cache=True, nogil=True, error_model="numpy")

#: The same, with sums that may be reassociated and so vectorised; NaN and infinity keep their meaning.
jit_sum = nb.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
