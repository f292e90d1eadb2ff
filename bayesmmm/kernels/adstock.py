"""Adstock of one series by the day, or by the period; its derivative to retention, and its transpose.

Pressure P is the geometric average of the spend of each day, ``P = d P_before + (1 - d) spend`` of that day, and the
adstock of a period is the sum of its days. With spend x_t spread evenly over the D days of period t, and
``S = d + d**2 + ... + d**D``::

    a_t = (1 - S / D) x_t + S P_{t-1}        P_t = d**D P_{t-1} + (1 - d**D) / D x_t

P is that of the last day of a period. The weights of a unit of spend add up to one. Of periods of one day this is the
classical recursion ``a_t = (1 - d) x_t + d a_{t-1}`` with P = a, and a classical recursion by the period is one whose
periods count as a day each.

All functions take ``days``, the lengths of the periods: one number (1,) where all are alike, or one a period (T,),
followed by those of ``max_lag`` periods more where adstock is cut. ``retention`` is the share of pressure that is kept
into the next day; where periods count as a day, into the next period.
"""

import numpy as np

from bayesmmm.kernels.compile import inlined, jit
from bayesmmm.kernels.hill import TINY

#: Columns of a table of weights: of the period's own spend and of pressure before it in the adstock; of pressure and of
#: spend in the pressure after it; derivatives of S and of d**D to d.
FIRST, LATER, KEPT, PASSED, D_LATER, D_KEPT = range(6)


@jit
def day_table(retention, days):
    """Weights of periods of the lengths that there are, in the rows of these; sums of terms above zero throughout."""
    shortest = longest = int(days[0])
    for t in range(1, days.shape[0]):
        shortest, longest = min(shortest, int(days[t])), max(longest, int(days[t]))
    table = np.empty((longest + 1, 6))
    power, lost, unspent, later, d_later = 1.0, 0.0, 0.0, 0.0, 0.0
    for j in range(1, longest + 1):
        d_kept = j * power  # power is d ** (j - 1)
        d_later += d_kept
        lost += power * (1.0 - retention)
        unspent += lost
        power *= retention
        later += power
        if j >= shortest:
            row = table[j]
            row[FIRST], row[LATER], row[KEPT], row[PASSED] = unspent / j, later, power, lost / j
            row[D_LATER], row[D_KEPT] = d_later, d_kept
    return table


@jit
def day_weights(retention, days):
    """The first four columns of `day_table` for periods that are all of one length."""
    power, lost, unspent, later = 1.0, 0.0, 0.0, 0.0
    for _ in range(days):
        lost += power * (1.0 - retention)
        unspent += lost
        power *= retention
        later += power
    return unspent / days, later, power, lost / days


@inlined
def days_after(days, count):
    """Lengths of the periods after the first so many."""
    return days if days.shape[0] == 1 else days[count:]


@jit
def adstock(x, days, retention, carry_in, max_lag, out):
    """Adstock of one series, written into ``out``.

    With ``max_lag = L >= 0`` the weights of a unit of spend are cut after L periods and renormalised to sum to one
    (``carry_in`` is then not used, and spend before the first period counts as zero). ``max_lag = -1`` means no
    truncation.

    Parameters
    ----------
    x : (T,) float array
        Spend in any unit.
    days : (1,), (T,) or (T + L,) float array
    retention : float
        0 <= retention < 1.
    carry_in : float
        Pressure on the last day before the first period, in the unit of ``x``.
    max_lag : int
        Greatest lag kept, or -1.
    out : (T,) float array
        Receives the adstock.
    """
    if max_lag < 0:
        decayed(x, days, retention, carry_in, out)
        return
    cut_adstock(x, x[:0], days, retention, max_lag, out)


@jit
def decayed(x, days, retention, carry_in, out):
    """`adstock` that is not cut: of as many periods as ``x`` has."""
    if days[0] == 1.0:
        a = carry_in
        keep = 1.0 - retention
        for t in range(x.shape[0]):
            a = keep * x[t] + retention * a
            out[t] = a
        return
    if days.shape[0] == 1:
        first, later, kept, passed = day_weights(retention, int(days[0]))
        after, c = later * passed, later * carry_in
        for t in range(x.shape[0]):
            out[t] = first * x[t] + c
            c = kept * c + after * x[t]
        return
    table, p = day_table(retention, days), carry_in
    for t in range(x.shape[0]):
        row = table[int(days[t])]
        out[t] = row[FIRST] * x[t] + row[LATER] * p
        p = row[PASSED] * x[t] + row[KEPT] * p


@jit
def pressure_after(x, days, retention, carry_in):
    """Pressure on the last day of a series, without truncation; the last adstock where periods are days."""
    p = carry_in
    if days[0] == 1.0:
        keep = 1.0 - retention
        for t in range(x.shape[0]):
            p = keep * x[t] + retention * p
        return p
    table = day_table(retention, days)
    for t in range(x.shape[0]):
        row = table[int(days[0] if days.shape[0] == 1 else days[t])]
        p = row[PASSED] * x[t] + row[KEPT] * p
    return p


@jit
def cut_adstock(x, before, days, retention, max_lag, out):
    """`adstock` that is cut, of a series with known inputs ``before`` it, from which on ``days`` are."""
    known, n_time = before.shape[0], x.shape[0]
    weight, _, step = lag_weights(days, retention, max_lag, known + n_time)
    for t in range(n_time):
        total = 0.0
        for lag in range(min(t, max_lag) + 1):
            total += weight[step * (known + t - lag), lag] * x[t - lag]
        for lag in range(t + 1, min(t + known, max_lag) + 1):
            total += weight[step * (known + t - lag), lag] * before[known + t - lag]
        out[t] = total


@jit
def lag_weights(days, retention, max_lag, count):
    """Truncated weights of units of spend, which sum to one, and their derivatives with respect to retention.

    Arrays (n, max_lag + 1), and a step: row ``step * t`` is for spend in period t of ``count``. Where all periods are
    alike there is one row, and the step is 0.
    """
    step = 0 if days[0] == 1.0 or days.shape[0] == 1 else 1
    n = max(1, count) if step else 1
    weight, d_weight = np.empty((n, max_lag + 1)), np.empty((n, max_lag + 1))
    if days[0] == 1.0:
        power, d_power = 1.0, 0.0
        for lag in range(max_lag + 1):
            weight[0, lag] = power
            d_weight[0, lag] = d_power
            d_power = power + retention * d_power
            power *= retention
    else:
        table = day_table(retention, days)
        for s in range(n):
            _weigh(days[s:], table, weight[s], d_weight[s])
    for s in range(n):
        _renormalise(weight[s], d_weight[s])
    return weight, d_weight, step


@jit
def _weigh(days, table, weight, d_weight):
    """Write the weights by the day of a unit of spend in the first period, and their derivatives."""
    j = int(days[0])
    weight[0], d_weight[0] = table[j, FIRST], -table[j, D_LATER] / j
    p, d_p = table[j, PASSED], -table[j, D_KEPT] / j
    for lag in range(1, weight.shape[0]):
        row = table[int(days[0] if days.shape[0] == 1 else days[lag])]
        weight[lag] = row[LATER] * p
        d_weight[lag] = row[D_LATER] * p + row[LATER] * d_p
        d_p = row[KEPT] * d_p + row[D_KEPT] * p
        p *= row[KEPT]


@jit
def _renormalise(weight, d_weight):
    total, d_total = 0.0, 0.0
    for lag in range(weight.shape[0]):
        total += weight[lag]
        d_total += d_weight[lag]
    for lag in range(weight.shape[0]):
        weight[lag] /= total
        d_weight[lag] = (d_weight[lag] - weight[lag] * d_total) / total


@jit
def adstock_and_slope(x, days, retention, carry_in, max_lag, a, out):
    """Write `adstock` into ``a`` and d log(a_t) / d retention into ``out``; 0 where there is no adstock."""
    n_time, da = x.shape[0], 0.0
    if max_lag < 0 and days[0] > 1.0:
        _by_day(x, days, retention, carry_in, a, out)
        for t in range(n_time):
            out[t] = out[t] / a[t] if a[t] > TINY else 0.0
        return
    if max_lag < 0:
        now, keep = carry_in, 1.0 - retention
        for t in range(n_time):  # `decayed`, and beside it the derivative, so that neither waits for the other
            da = now - x[t] + retention * da
            now = keep * x[t] + retention * now
            a[t], out[t] = now, da
        for t in range(n_time):
            out[t] = out[t] / a[t] if a[t] > TINY else 0.0
        return
    adstock(x, days, retention, carry_in, max_lag, a)
    _, d_weight, step = lag_weights(days, retention, max_lag, n_time)
    for t in range(n_time):
        da = 0.0
        for lag in range(min(t, max_lag) + 1):
            da += d_weight[step * (t - lag), lag] * x[t - lag]
        out[t] = da / a[t] if a[t] > TINY else 0.0


@jit
def _by_day(x, days, retention, carry_in, a, slope):
    """Adstock by the day and its derivative, by pressure and what it adds to the next period: ``later * pressure``."""
    table = day_table(retention, days)
    if days.shape[0] == 1:
        j = int(days[0])
        row, later, d_later, d_kept = table[j], table[j, LATER], table[j, D_LATER], table[j, D_KEPT]
        first, d_first, kept = row[FIRST], -d_later / j, row[KEPT]
        after, d_after = later * row[PASSED], d_later * row[PASSED] - later * d_kept / j
        c, d_c = later * carry_in, d_later * carry_in
        for t in range(x.shape[0]):
            a[t] = first * x[t] + c
            slope[t] = d_first * x[t] + d_c
            d_c = kept * d_c + (d_kept * c + d_after * x[t])
            c = kept * c + after * x[t]
        return
    p, d_p = carry_in, 0.0
    for t in range(x.shape[0]):
        j = int(days[t])
        row, above = table[j], p - x[t] / j
        a[t] = row[FIRST] * x[t] + row[LATER] * p
        slope[t] = row[D_LATER] * above + row[LATER] * d_p
        d_p = row[D_KEPT] * above + row[KEPT] * d_p
        p = row[PASSED] * x[t] + row[KEPT] * p


@jit
def adstock_transpose(v, days, retention, max_lag, out):
    """Transpose of the adstock map, written into ``out``: spend of period t reaches t, t + 1, ..."""
    n_time = v.shape[0]
    if max_lag >= 0:
        weight, _, step = lag_weights(days, retention, max_lag, n_time)
        for t in range(n_time):
            s = 0.0
            for lag in range(min(n_time - 1 - t, max_lag) + 1):
                s += weight[step * t, lag] * v[t + lag]
            out[t] = s
        return
    if days[0] == 1.0:
        keep, later = 1.0 - retention, 0.0
        for t in range(n_time - 1, -1, -1):
            later += v[t]
            out[t] = keep * later
            later *= retention
        return
    table, p = day_table(retention, days), 0.0  # derivative to the pressure after a period
    for t in range(n_time - 1, -1, -1):
        row = table[int(days[0] if days.shape[0] == 1 else days[t])]
        out[t] = row[FIRST] * v[t] + row[PASSED] * p
        p = row[LATER] * v[t] + row[KEPT] * p
