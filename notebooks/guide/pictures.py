"""Draw the pictures of the README, from a full fit of the shipped example: a minute.

uv run python notebooks/guide/pictures.py
"""

import base64
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from run_notebooks import smaller

import bayesmmm as mm

FOLDER = Path(__file__).parent / "pictures"
CI_PROB, DPI = 0.9, 90
YEAR = {"start": "2024-01-07", "stop": "2024-12-22"}
#: What is known of the quarter that is planned.
KNOWN = {"promotion": 0.0, "emails": 60_000, "sms": 6_000, "average_price": 46.0}
TOTAL = 250_000


def pictures() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names of the pictures, and what draws each."""
    world = mm.load_case("social_search")
    fit = mm.fit(world.system, world.data, seed=1, progress=False)
    quarter = mm.Window(periods=13, controls=KNOWN)
    plan = mm.optimize_budget(fit, total=TOTAL, window=quarter, bounds=("50%", "150%"), round_to=100)
    careful = mm.optimize_budget(fit, total=TOTAL, window=quarter, change=0.2, round_to=100)
    found = mm.compare_plans(fit, {"now": "current", "best": plan, "careful": careful})
    ahead = mm.predict(fit, plan.to_frame(), noise=True)
    yield "effects", lambda: mm.plots.effects(mm.effects(fit, **YEAR), ci_prob=CI_PROB)
    yield "waterfall", lambda: mm.plots.waterfall(mm.decompose(fit), ci_prob=CI_PROB)
    yield "response_curves", lambda: mm.plots.response_curves(mm.response_curves(fit, **YEAR), ci_prob=CI_PROB)
    yield "budget", lambda: mm.plots.budget(plan, ci_prob=CI_PROB)
    yield "compare_plans", lambda: mm.plots.compare_plans(found, ci_prob=CI_PROB)
    yield "forecast", lambda: mm.plots.forecast(fit, ahead, ci_prob=CI_PROB)
    yield "diagnosis", lambda: mm.plots.diagnosis(mm.diagnose(fit))


def main() -> None:
    """Draw every picture, in few colours."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, draw in pictures():
            path = mm.plots.save(draw(), Path(folder) / f"{name}.png", dpi=DPI)
            content = base64.b64decode(smaller(base64.b64encode(path.read_bytes()).decode()))
            (FOLDER / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content):,} bytes")


if __name__ == "__main__":
    main()
