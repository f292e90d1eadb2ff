"""What the pooling of geos does to the return of each of them."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from bayesmmm.plots.axis import label_rows
from bayesmmm.plots.geos import WIDE, note_never
from bayesmmm.plots.layout import AUTO, Panels, Title, finish, listed, panels, width_of
from bayesmmm.plots.parts import earned_back, entry, intervals, legend_on_top, return_axis
from bayesmmm.plots.reading import caution, series_of, unit_of, when
from bayesmmm.plots.sources import SHRINKAGE
from bayesmmm.plots.style import BLUE, GREY, SKY, SMALL, TEXT
from bayesmmm.text import percent


def shrinkage(found: xr.Dataset, *, title: Title = AUTO, axes: Panels = None) -> np.ndarray:
    """Draw what pooling does to the return of each channel in each geo, a panel per channel.

    Above, each geo left to itself; below, pooled in part: geos that say little move towards the others. The line is
    the return in total. Geos are ordered by their return without pooling, the highest first.

    Parameters
    ----------
    found : Dataset
        As ``mm.sensitivity.pooling_sensitivity(fit)`` gives it, which fits anew.
    axes : sequence of Axes, optional
        One for each channel.
    title : as for every figure, see `bayesmmm.plots`

    Examples
    --------
    >>> axes = shrinkage(mm.sensitivity.pooling_sensitivity(fit))  # doctest: +SKIP
    """
    found = SHRINKAGE(found)
    channels, geos = found["channel"].values.tolist(), found["geo"].values.tolist()
    own, wide = axes is None, min(WIDE, len(channels))
    if axes is None:
        tall = -(-len(channels) // wide)
        axes = panels(
            len(channels), wide, ((width_of(geos) + 2.3) * wide + 0.4, (0.8 + 0.3 * len(geos)) * tall + 0.6)
        )
    axes = listed(axes, len(channels))
    threshold, marks = found.attrs.get("threshold"), list[Artist]()
    for channel, ax in zip(channels, axes, strict=True):
        tables = {
            pooling: pd.DataFrame(
                found["roi"].sel(pooling=pooling, channel=channel).transpose("geo", "quantile").values,
                pd.Index(geos, name="geo"),
                ["lower", "median", "upper"],
            )
            for pooling in ("none", "partial")
        }
        order = tables["none"].sort_values("median", ascending=False, kind="stable", na_position="last").index
        intervals(ax, tables["none"].loc[order], -0.16, GREY, size=3.5, linewidth=1.2)
        intervals(ax, tables["partial"].loc[order], 0.16, BLUE, size=4.0)
        middle = found["total"].sel(pooling="partial", channel=channel).values[1]
        ax.axvline(middle, color=SKY, linewidth=1.4, zorder=0.5)
        label_rows(ax, list(order))
        marks = earned_back(ax, threshold)
        note_never(ax, tables["none"].loc[order])
        scale = return_axis(ax, np.array([middle, *np.ravel([*tables.values()])], float), threshold)
        ax.set_title(str(channel), loc="left", fontsize=TEXT)
        ax.set_xlabel(f"ROI{unit_of(found['roi'], found)}{scale}", fontsize=SMALL)
    handles: list[Artist] = [entry(GREY, "each geo left to itself", 1.2), entry(BLUE, "pooled in part")]
    handles += [Line2D([], [], color=SKY, label="median in total"), *marks, *caution(found.attrs)]
    legend_on_top(axes[0], handles, own)
    share = percent(found.attrs["ci_prob"]) if "ci_prob" in found.attrs else "lower to upper"
    words = f"ROI by geo with and without pooling, median and {share} interval, in {series_of(found.attrs)}"
    return finish(axes, own, title, words + when(found.attrs))
