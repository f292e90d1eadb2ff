"""What each channel takes of the spend beside what it brings of the effect."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bayesmmm.errors import SettingError
from bayesmmm.plots.axis import label_rows, on_two_lines, percents
from bayesmmm.plots.layout import AUTO, Title, finish, one, rows_axes, width_of
from bayesmmm.plots.parts import key, legend_above
from bayesmmm.plots.reading import caution, rounded, series_of, table_of, variable, when, window_words
from bayesmmm.plots.sources import SHARES
from bayesmmm.plots.style import BLACK, BLUE, SMALL, TEXT
from bayesmmm.results import Fit
from bayesmmm.text import percent, rough_percent
from bayesmmm.validate import check_ci_prob

_PALE_GREY = "#C4C4C4"
_WIDE = 14  # letters of a name in a line, so that bars keep their room on a phone


def shares(
    dataset: xr.Dataset | Fit, *, ci_prob: float | None = None, title: Title = AUTO, ax: Axes | None = None
) -> Axes:
    """Draw the share of each channel in the spend beside its share in what all channels bring, with its ROI.

    A channel whose second bar is the longer one brings more than its part. Shares of the effect are those of a draw in
    the sum over channels, and bars their medians. Channels of which it is not known what was paid are left out.

    Parameters
    ----------
    dataset : Dataset or Fit
        As ``mm.effects(fit)`` gives it, or a fit.
    ci_prob, title, ax : as for every figure, see `bayesmmm.plots`
    """
    dataset, ci_prob = SHARES(dataset), check_ci_prob(ci_prob)
    draws = variable(dataset, "total", ["channel"], "effects(fit)")
    spend = dataset["spend"].to_series()
    spend = spend[spend.notna()].sort_values(ascending=False, kind="stable")
    if not spend.sum() > 0.0:
        raise SettingError("there is no spend in the window, so that it has no shares; draw plots.effects(fit)")
    paid = draws.sel(channel=spend.index.tolist())
    taken, brought = spend / spend.sum(), table_of(paid / paid.sum("channel"), ci_prob)
    back = table_of(
        variable(dataset, "roi", ["channel"], "effects(fit)").sel(channel=spend.index.tolist()), ci_prob
    )
    own = ax is None
    names = [on_two_lines(name, _WIDE) for name in spend.index]
    ax = rows_axes(names, max(3.1, 4.2 - width_of(names)), 1.2, 0.42) if ax is None else one(ax)
    at = np.arange(len(spend))
    ax.barh(at - 0.19, taken, height=0.34, color=_PALE_GREY)
    ax.barh(at + 0.19, brought["median"], height=0.34, color=BLUE)
    ax.hlines(at + 0.19, brought["lower"], brought["upper"], color=BLACK, linewidth=1.1)
    label_rows(ax, names)
    right = max(float(np.nanmax(brought["upper"])), float(taken.max()))
    left = min(0.0, float(np.nanmin(brought["lower"])))
    for row, value in enumerate(back["median"]):
        words = f"ROI {rounded(value)}" if np.isfinite(value) else "no spend"
        ax.text(right + 0.03 * (right - left), row, words, fontsize=SMALL, va="center")
    ax.set_xlim(left, right + 0.22 * (right - left))
    percents(ax.xaxis, most=4)
    ax.set_xlabel(
        "\n".join(filter(None, ["share of all channels", window_words(dataset.attrs)])), fontsize=TEXT, loc="left"
    )
    handles: list[Artist] = [
        Patch(color=_PALE_GREY, label="of the spend"),
        Patch(color=BLUE, label="of the effect"),
        key(f"{percent(ci_prob)} interval", lw=1.1),
    ]
    doubt = caution(dataset.attrs)  # a long line, which would leave the bars no room beside two others
    legend_above(ax, [*handles, *doubt], 2 if doubt else 3)
    apart = (brought["median"] - taken).abs()
    first = apart.index[int(np.nanargmax(apart))]
    words = f"{first} takes {rough_percent(taken[first])} of the spend and brings "
    words += f"{rough_percent(brought['median'][first])} of what channels bring to {series_of(dataset.attrs)}"
    return finish([ax], own, title, f"{words}{when(dataset.attrs)}")[0]
