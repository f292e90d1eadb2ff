"""Random numbers that are a function of where they stand: Philox 4x64 with ten rounds, number by number as NumPy's.

Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, doi:10.1145/2063384.2063405. A block
of four numbers follows from a key and a counter alone, so that any of them is made without those before it, and threads
need no state.
"""

import numpy as np

from bayesmmm.kernels.compile import inlined, jit

_FACTOR0, _FACTOR1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL0, _WEYL1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_DROPPED = np.uint64(11)  # bits of an integer that a double does not hold
_ROUNDS = 10


@inlined
def _high_product(a, b):
    """Upper 64 bits of the product of two 64-bit numbers."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a_high * b_low + ((a_low * b_low) >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF)


@jit
def philox_uniforms(seed, stream, draws, geos, periods, out):
    """Numbers in [0, 1) by draw, geo and period.

    Parameters
    ----------
    seed, stream : uint64
        The key.
    draws : (S,) uint64 array
    geos : (G,) uint64 array
        Number of each in the counter.
    periods : int
        Counted from the first, T.
    out : (S, G, T) float array
        Written to.
    """
    for s in range(len(draws)):
        for g in range(len(geos)):
            for block in range((periods + 3) // 4):
                # NumPy counts before it makes a block.
                c0, c1, c2, c3 = np.uint64(block + 1), np.uint64(0), draws[s], geos[g]
                k0, k1 = seed, stream
                for _ in range(_ROUNDS):
                    high0, low0 = _high_product(_FACTOR0, c0), _FACTOR0 * c0
                    high1, low1 = _high_product(_FACTOR1, c2), _FACTOR1 * c2
                    c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
                    k0, k1 = k0 + _WEYL0, k1 + _WEYL1
                at, left = 4 * block, periods - 4 * block
                out[s, g, at] = (c0 >> _DROPPED) * 2.0**-53
                if left > 1:
                    out[s, g, at + 1] = (c1 >> _DROPPED) * 2.0**-53
                if left > 2:
                    out[s, g, at + 2] = (c2 >> _DROPPED) * 2.0**-53
                if left > 3:
                    out[s, g, at + 3] = (c3 >> _DROPPED) * 2.0**-53
