"""What the checks of a saved fit cost, and what becomes of flipped bits.

The checks are timed within each loading, so that a busy machine slows both alike. A flipped bit counts as harmless when
the damaged file loads and every number of it is the same.

    python benchmarks/fit_files.py
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import bayesmmm as mm
from bayesmmm.errors import FitFileError
from bayesmmm.results import fit_file


def checked_share(path: Path, repeats: int) -> tuple[float, float]:
    """Median seconds of loading with all checks, and the median share of it that checks take."""
    spent = 0.0

    def timed(call):
        def run(*args, **kwargs):
            nonlocal spent
            start = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                spent += time.perf_counter() - start

        return run

    fit_file._check = timed(fit_file._check)
    fit_file._checksum = timed(fit_file._checksum)
    seconds, shares = [], []
    for _ in range(repeats):
        spent, start = 0.0, time.perf_counter()
        mm.load(path)
        whole = time.perf_counter() - start
        seconds.append(whole)
        shares.append(spent / (whole - spent))
    return statistics.median(seconds), statistics.median(shares)


def flips(path: Path, count: int, seed: int) -> dict[str, int]:
    """Flip one bit at random places, one at a time, and count what becomes of it."""
    right = mm.load(path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    found = {"refused": 0, "harmless": 0, "wrong": 0}
    with tempfile.TemporaryDirectory() as folder:
        damaged = Path(folder) / "fit.nc"
        for _ in range(count):
            place, bit = int(rng.integers(len(content))), 1 << int(rng.integers(8))
            content[place] ^= bit
            damaged.write_bytes(content)
            content[place] ^= bit
            try:
                loaded = mm.load(damaged)
            except FitFileError:
                found["refused"] += 1
                continue
            same = loaded.stamp == right.stamp and loaded.convergence == right.convergence
            found["harmless" if same else "wrong"] += 1
    return found


def main() -> None:
    """Fit the example world, save it, print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = mm.load_case("social_search")
    fit = mm.fit(world.system, world.data, draws=options.draws, seed=1, progress=False)
    with tempfile.TemporaryDirectory() as folder:
        path = fit.save(Path(folder) / "fit.nc")
        print(f"{path.stat().st_size / 1e6:.1f} MB, {len(world.data.dates)} periods, {4 * options.draws} draws")
        print(f"{options.flips} flipped bits: {flips(path, options.flips, options.seed)}")
        seconds, share = checked_share(path, options.repeats)
        print(f"loading: {seconds:.3f} s, of which checks add {100 * share:.1f} % to the rest")


if __name__ == "__main__":
    main()
