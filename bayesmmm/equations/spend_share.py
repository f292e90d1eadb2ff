"""What a system takes from the data where it does not say: shares of spend, which scale defaults, and references."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayesmmm.data import MMMData
from bayesmmm.equations.equation import Equation
from bayesmmm.equations.reference import fitted_references
from bayesmmm.equations.system import MMM


def for_data(system: MMM, data: MMMData) -> MMM:
    """Return the system as it is fitted to data: how geos share it, shares of spend and references are decided.

    Parameters
    ----------
    system
        The equations; what they say stays.
    data
        Data that pass `check_system`.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-07", periods=8, freq="7D")
    >>> frame = pd.DataFrame({"week": weeks, "sales": range(8), "tv": [6.0, 0] * 4, "radio": [0, 2.0] * 4})
    >>> data = MMMData.from_frame(frame, date="week", outcome="sales", media=["tv", "radio"])
    >>> system = for_data(MMM([Equation("sales", media=["tv", "radio"])]), data)
    >>> dict(system.equation("sales").spend_share)
    {'tv': 0.75, 'radio': 0.25}
    """
    if len(data.geos) > 1 or not data.part:  # one geo of a panel was fitted with the others
        system = system.for_panel(data)
    levels = fitted_references(system, data)
    return MMM([_decided(equation, data, levels) for equation in system.equations])


def _decided(equation: Equation, data: MMMData, levels: Mapping[str, str | float]) -> Equation:
    reference = {name: levels[name] for name in equation.linear}
    share = equation.spend_share or spend_shares(equation, data)
    same = (reference, share) == (equation.reference, equation.spend_share)
    return equation if same else replace(equation, spend_share=share, reference=reference)


def spend_shares(equation: Equation, data: MMMData) -> dict[str, float]:
    """Return the share of each channel in what is spent on all channels of an equation.

    An input of which nobody knows what was paid, as a mediator in queries or mails that cost nothing, counts as one of
    n, and money is shared out over what such inputs leave. In a panel it is the mean share within the geos that buy the
    channel, where its contribution belongs: shares then need not add up to one, and are not those of totals, in which a
    channel of one small geo has next to none.
    """
    media = equation.media
    if not media:
        return {}
    bought = data.bought(media)  # (G, C)
    mean = np.mean if all(data.recorded(c).all() for c in media) else np.nanmean
    # Of an input without spend its amounts stand here, and are not read below.
    own = [data.spend.get(c, c) for c in media]
    spend = np.stack([mean(np.maximum(data.known(c), 0.0), axis=-1) for c in own], axis=-1)
    money = np.array([data.has_spend(c) for c in media])
    count = np.maximum(bought.sum(axis=1, keepdims=True), 1)
    paid = bought & money
    total = (spend * paid).sum(axis=1, keepdims=True)
    by_money = spend / np.where(total > 0.0, total, 1.0) * paid.sum(axis=1, keepdims=True) / count
    share = np.where(money, by_money, 1.0 / count)
    usual = (share * bought).sum(axis=0) / np.maximum(bought.sum(axis=0), 1)
    usual = np.where(usual > 0.0, usual, 1.0 / len(media))  # silent in these geos
    return {c: float(f"{value:.4g}") for c, value in zip(media, usual, strict=True)}
