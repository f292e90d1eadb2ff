"""Draw the pictures of the README, from full fits of the shipped example and of the cases: some minutes.

uv run python notebooks/guide/pictures.py
uv run python notebooks/guide/pictures.py case_tv        # those whose names are given
"""

import base64
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from run_notebooks import smaller

import bayesmmm as mm
from bayesmmm.results import Fit

FOLDER = Path(__file__).parent / "pictures"
CI_PROB, DPI = 0.9, 90
YEAR = {"start": "2024-01-07", "stop": "2024-12-22"}
#: What is known of the quarter that is planned.
KNOWN = {"promotion": 0.0, "emails": 60_000, "sms": 6_000, "average_price": 46.0}
TOTAL, TV_TOTAL = 250_000, 1_180_000


def pictures() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names of the pictures of the example, and what draws each."""
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


def youtube() -> Any:
    """Sign-ups per unit of money by channel."""
    return mm.plots.roi(mm.roi(fitted("youtube"), window="outcome"), ci_prob=CI_PROB)


def shop() -> Any:
    """Revenue of three years in parts."""
    return mm.plots.decomposition(mm.decompose(fitted("shop"), freq="quarter"))


def tv() -> Any:
    """A quarter's money as it is spent now, and as it sells most."""
    plan = mm.optimize_budget(fitted("tv").thin(1000), total=TV_TOTAL, periods=13, change=0.5)
    return mm.plots.budget(plan, ci_prob=CI_PROB)


def brands() -> Any:
    """Returns by line of business of the small e-commerce world."""
    world = mm.load_case("ecommerce")
    equation = world.system.equation("revenue")
    system = mm.MMM([replace(equation, panel=mm.Panel(group="brand", per_geo=["trend"], periods="fixed"))])
    fit = mm.fit(system, world.data, draws=500, tune=500, seed=1, progress=False).accept_unconverged()
    returns = mm.roi(fit.thin(400), by="vertical", window="outcome").rename(vertical="geo")
    return mm.plots.roi_map(returns, title="ROI by vertical")


def fitted(name: str) -> Fit:
    """The fit of a case with its own system."""
    world = mm.load_case(name)
    return mm.fit(world.system, world.data, seed=1, progress=False)


#: Picture -> what draws it; that of "social_search" is one of the example.
CASES = {"case_youtube": youtube, "case_shop": shop, "case_tv": tv, "case_ecommerce": brands}


def main(names: list[str]) -> None:
    """Draw pictures, in few colours; all of them where none is named."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = pictures() if not names or set(names) - set(CASES) else ()
        for name, draw in chain(ours, CASES.items()):
            if names and name not in names:
                continue
            path = mm.plots.save(draw(), Path(folder) / f"{name}.png", dpi=DPI)
            content = base64.b64decode(smaller(base64.b64encode(path.read_bytes()).decode()))
            (FOLDER / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
