"""Draw seconds per gradient against periods and channels from the JSON of `speed.py`.

python benchmarks/speed_figure.py benchmarks/RESULTS.json benchmarks/speed.png
"""

import json
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import speed_report


def main() -> None:
    """Two panels, both axes logarithmic, with the fitted line."""
    source, target = (Path(name) for name in sys.argv[1:])
    rows = json.loads(source.read_text(encoding="utf-8"))["sweep"]
    canvas, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), layout="constrained", sharey=True)
    for ax, along, fixed in zip(axes, ("periods", "channels"), ("5 channels", "1,000 periods"), strict=True):
        points, line = speed_report.gradients(rows, along)
        if not points:
            continue
        ax.loglog(list(points), [1000 * v for v in points.values()], "o", color="#1f5a96")
        if line:
            level, slope = line
            ends = [max(min(points), speed_report.SLOPE_FROM if along == "periods" else 1), max(points)]
            fitted = [1000 * math.exp(level) * v**slope for v in ends]
            ax.plot(ends, fitted, color="#b5541c", lw=1.2, label=f"slope {slope:.2f}")
            ax.legend(frameon=False, loc="upper left")
        ax.set(xlabel=along, title=fixed)
        ax.set_xticks(list(points), [f"{v:,}" for v in points])
        ax.minorticks_off()
        ax.grid(alpha=0.25)
    axes[0].set_ylabel("milliseconds per gradient")
    canvas.savefig(target, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
