"""The Hill curve of a whole series, written so that the compiler can work on several periods at once.

Logarithm and exponential are the usual double-precision ones: the argument is brought near 1 (near 0) by its
binary exponent, and a polynomial does the rest, with an error below one unit in the last place (Tang, 1990,
doi:10.1145/98267.98294; coefficients of the minimax polynomials as in FreeBSD's msun). They are spelled out here
because the library functions are calls, which keep a loop from being vectorised.
"""

import math

import numpy as np

from bayesmmm.kernels.compile import inlined, jit

# Adstock below this counts as none at all: far beneath any spend, far above the smallest double.
TINY = 1e-250

_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2); the exponent of a double begins at bit 52
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG2_E = 1.44269504088896338700e00
# Coefficients of the polynomials for the logarithm and the exponential.
_L1, _L2, _L3 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01
_L4, _L5 = 2.222219843214978396e-01, 1.818357216161805012e-01
_L6, _L7 = 1.531383769920937332e-01, 1.479819860511658591e-01
_E1, _E2, _E3 = 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05
_E4, _E5 = -1.65339022054652515390e-06, 4.13813679705723846039e-08
# Beyond this the exponential leaves the doubles; a share is then 0 or 1 to within rounding anyway.
_FAR = 708.0


@inlined
def _mantissa(bits):
    """Bits of a double brought to [sqrt(1/2), sqrt(2)) by its binary exponent."""
    return bits - (((bits - _ROOT_HALF) >> 52) << 52)


@inlined
def _logarithm(mantissa, bits):
    """Logarithm of a double, from its mantissa and its bits."""
    exponent = float((bits - _ROOT_HALF) >> 52)
    f = mantissa - 1.0
    s = f / (2.0 + f)
    y = s * s
    r = y * (_L1 + y * (_L2 + y * (_L3 + y * (_L4 + y * (_L5 + y * (_L6 + y * _L7))))))
    half = 0.5 * f * f
    return exponent * _LOG2_HIGH - ((half - (s * (half + r) + exponent * _LOG2_LOW)) - f)


@inlined
def _exponential(x):
    """Exponential of a number, but for a binary exponent, and that exponent."""
    x = min(max(x, -_FAR), _FAR)
    whole = np.floor(x * _LOG2_E + 0.5)
    high = x - whole * _LOG2_HIGH
    low = whole * _LOG2_LOW
    r = high - low
    y = r * r
    c = r - y * (_E1 + y * (_E2 + y * (_E3 + y * (_E4 + y * _E5))))
    return 1.0 - ((low - (r * c) / (2.0 - c)) - high), whole


@jit
def hill_curve(a, half_saturation, slope, log_ratio, share):
    """Hill saturation ``a**n / (k**n + a**n)`` of a series, and ``log(a / k)``; both 0 where there is no adstock.

    Parameters
    ----------
    a : (T,) float array
        Adstock.
    half_saturation, slope : float
    log_ratio, share : (T,) float arrays
        Receive the results.
    """
    n_time = a.shape[0]
    log_half = math.log(half_saturation)
    a_bits = a.view(np.int64)
    z_bits = log_ratio.view(np.int64)
    p_bits = share.view(np.int64)
    for t in range(n_time):
        z_bits[t] = _mantissa(a_bits[t])
    for t in range(n_time):
        log = _logarithm(log_ratio[t], a_bits[t])
        log_ratio[t] = log - log_half if a[t] > TINY else 0.0
    for t in range(n_time):
        share[t], whole = _exponential(-slope * log_ratio[t])
        p_bits[t] += np.int64(whole) << 52
    for t in range(n_time):
        share[t] = 1.0 / (1.0 + share[t]) if a[t] > TINY else 0.0


@jit
def hill_curves(a, log_half_saturation, slope, log_ratio, share):
    """`hill_curve` of short series that stand one behind the other: logarithms and slopes are (N,) arrays, too."""
    n = a.shape[0]
    a_bits = a.view(np.int64)
    z_bits = log_ratio.view(np.int64)
    p_bits = share.view(np.int64)
    for t in range(n):
        z_bits[t] = _mantissa(a_bits[t])
    for t in range(n):
        log = _logarithm(log_ratio[t], a_bits[t])
        log_ratio[t] = log - log_half_saturation[t] if a[t] > TINY else 0.0
    for t in range(n):
        share[t], whole = _exponential(-slope[t] * log_ratio[t])
        p_bits[t] += np.int64(whole) << 52
    for t in range(n):
        share[t] = 1.0 / (1.0 + share[t]) if a[t] > TINY else 0.0


@jit
def scratch(n_time):
    """Arrays to work in; longer than needed by what leaves no rest to loops that take several periods at once."""
    n = -(-n_time // 16) * 16
    return np.ones(n), np.ones(n), np.ones(n)
