"""The figure of `cases.py`: returns by the model and by the method it replaces, over the truth, in every data set."""

import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
COLOURS = {"model": "#0072B2", "baseline": "#D55E00"}
# Estimates beyond these, in multiples of the truth, are drawn at the edge.
EDGES = (-1.0, 4.0)


def draw(result: dict, path: Path) -> None:
    """Draw a panel for every case: a dot for each data set, channel and method."""
    by_case: dict[str, list[dict]] = {}
    for row in result["rows"]:
        by_case.setdefault(row["case"], []).append(row)
    cases = [name for name in result["methods"] if name in by_case]
    figure, axes = plt.subplots(
        1, len(cases), figsize=(3.1 * len(cases), 3.1), layout="constrained", squeeze=False
    )
    for ax, name in zip(axes[0], cases, strict=True):
        _panel(ax, by_case[name])
        ax.set_title(f"{name}, {len(by_case[name])} data sets", loc="left", fontsize=10)
    handles = [plt.Line2D([], [], marker="o", linestyle="", color=colour) for colour in COLOURS.values()]
    labels = ["model", "the method it replaces"]
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(
        "Estimated return over the true one in every data set; bars: medians", fontsize=10, x=0.01, ha="left"
    )
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


def _panel(ax: plt.Axes, rows: list[dict]) -> None:
    channels = rows[0]["channels"]
    for k, (method, colour) in enumerate(COLOURS.items()):
        middle = np.array([[found[1] for found in row[method]] for row in rows])
        ratio = np.clip(middle / np.array([row["truth"] for row in rows]), *EDGES)
        at = np.arange(len(channels)) + 0.3 * (k - 0.5)
        ax.plot(ratio.T, np.repeat(at[:, None], len(rows), axis=1), "o", color=colour, alpha=0.5, markersize=4)
        ax.plot(np.median(ratio, axis=0), at, "|", color=colour, markersize=13, markeredgewidth=2.5)
    ax.axvline(1.0, color="black", linewidth=1.0, linestyle=(0, (4, 2)))
    ax.axvline(0.0, color="grey", linewidth=0.8)
    ax.set_xlim(EDGES[0] - 0.2, EDGES[1] + 0.2)
    ax.set_yticks(range(len(channels)), channels, fontsize=9)
    ax.set_ylim(len(channels) - 0.5, -0.5)
    ax.tick_params(axis="x", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw(json.loads((HERE / "cases.json").read_text(encoding="utf-8")), HERE / "cases.png")
