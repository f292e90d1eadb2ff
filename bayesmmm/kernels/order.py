"""Values at some ranks of many samples, without sorting them."""

import numpy as np

from bayesmmm.kernels.compile import jit

#: Ranges of equal width that the values of a sample are counted in.
_RANGES = 512
#: So many values are sorted.
_FEW = 64


@jit
def _counted(values, of, count):
    """Count values by range, and write the range of each; False where they do not differ enough, or are no numbers."""
    low = high = values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    scale = _RANGES / (high - low)
    if not scale < 1e290:
        return False
    count[:] = 0
    for s in range(values.shape[0]):
        of[s] = min(int((values[s] - low) * scale), _RANGES - 1)
    for s in range(values.shape[0]):
        count[of[s]] += 1
    return True


@jit
def _value_at(values, rank, of, count):
    """Value at a rank; values are moved."""
    while values.shape[0] > _FEW and _counted(values, of, count):
        at = 0
        while count[at] <= rank:
            rank -= count[at]
            at += 1
        kept = 0
        for s in range(values.shape[0]):
            if of[s] == at:
                values[kept] = values[s]
                kept += 1
        values = values[:kept]
    return np.sort(values)[rank]


@jit
def order_statistics(samples, ranks, out):
    """Values that would stand at some places of each sample if it were sorted; NaN of a sample that has one.

    Values are counted in ranges of equal width, and only those in ranges with a wanted place are looked at again.

    Parameters
    ----------
    samples : (N, S) float array
        Finite, or NaN.
    ranks : (K,) int array
        From 0 on, rising.
    out : (N, K) float array
        Written to.
    """
    size, wanted = samples.shape[1], ranks.shape[0]
    of, count, slot = np.empty(size, np.int64), np.empty(_RANGES, np.int64), np.empty(_RANGES, np.int64)
    held, filled, before = np.empty((wanted, size)), np.empty(wanted, np.int64), np.empty(wanted, np.int64)
    for i in range(samples.shape[0]):
        own, total = samples[i], 0.0
        for value in own:
            total += 0.0 * value
        if total != 0.0:
            out[i] = np.nan
            continue
        if not _counted(own, of, count):
            out[i] = np.sort(own)[ranks]
            continue
        slot[:] = -1
        below, at, used = 0, 0, 0
        for rank in ranks:
            while below + count[at] <= rank:
                below += count[at]
                at += 1
            if slot[at] < 0:
                slot[at], before[used], filled[used] = used, below, 0
                used += 1
        for s in range(size):
            j = slot[of[s]]
            if j >= 0:
                held[j, filled[j]] = own[s]
                filled[j] += 1
        for j in range(used):
            if filled[j] <= _FEW:
                held[j, : filled[j]].sort()
        j = 0
        for k in range(wanted):
            while j + 1 < used and before[j + 1] <= ranks[k]:
                j += 1
            rank = ranks[k] - before[j]
            few = filled[j] <= _FEW
            out[i, k] = held[j, rank] if few else _value_at(held[j, : filled[j]].copy(), rank, of, count)
