"""Latency of the service beside a linear model behind Flask, in one run, at a steady rate of requests.

Both serve the shipped world `social_search`: bayesmmm a fit with 4,000 draws, Flask a ridge regression of the outcome on
adstocked spend, which answers with one number per period and no interval. A client sends a plan of 13 weeks, other
amounts every time, at a rate that does not wait for answers, to one side and then to the other, in turns.

    python benchmarks/serve.py --work /path/to/scratch --rate 20 --seconds 20 --rounds 3
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

PERIODS = 13
_FLASK = """
import json, sys
import numpy as np
from flask import Flask, jsonify, request
import bayesmmm as mm

data = mm.load_case("social_search").data
names = [*data.media, *data.controls]
def carried(x, keep=0.5):
    out = np.zeros_like(x)
    for t in range(len(x)):
        out[t] = x[t] + (keep * out[t - 1] if t else 0.0)
    return out
history = {n: data.columns[n][0] for n in names}
def design(columns):
    terms = [carried(columns[n]) if n in data.media else columns[n] for n in names]
    return np.column_stack([np.ones(len(terms[0])), *terms])
X, y = design(history), data.columns[data.outcome][0]
b = np.linalg.solve(X.T @ X + 1e-3 * np.eye(X.shape[1]), X.T @ y)
app = Flask("linear")
@app.post("/predict")
def predict():
    rows = request.get_json()["plan"]
    columns = {n: np.concatenate([history[n], [float(row[n]) for row in rows]]) for n in names}
    return jsonify({"predicted": (design(columns) @ b)[-len(rows):].tolist()})
app.run(port=int(sys.argv[1]), threaded=True)
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def saved_fit(work: Path) -> Path:
    """The fit that is served, sampled once and kept."""
    path = work / "serve.nc"
    if not path.exists():
        import bayesmmm as mm

        world = mm.load_case("social_search")
        mm.fit(world.system, world.data, seed=1, progress=False).save(path)
    return path


def wait_for(url: str) -> None:
    """Wait until something answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"nothing answers at {url}")


def post(url: str, body: bytes) -> None:
    """Ask one question."""
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        answer.read()


def latencies(ask, rate: float, seconds: float) -> np.ndarray:
    """Milliseconds from when a request was due to its answer."""
    count, out, lock = int(rate * seconds), [], threading.Lock()
    begin = time.perf_counter() + 0.2

    def one(k: int) -> None:
        due = begin + k / rate
        time.sleep(max(due - time.perf_counter(), 0.0))
        ask(k)
        with lock:
            out.append(1e3 * (time.perf_counter() - due))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(one, range(count)))
    return np.array(out)


def main() -> None:
    """Time all sides, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    fit, ours, theirs = saved_fit(options.work), free_port(), free_port()
    command = [sys.executable, "-m", "bayesmmm", "serve", str(fit), "--port", str(ours)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = [
        subprocess.Popen(command, **quiet),
        subprocess.Popen([sys.executable, "-c", _FLASK, str(theirs)], **quiet),
    ]
    try:
        base = f"http://127.0.0.1:{ours}"
        wait_for(f"{base}/health")
        wait_for(f"http://127.0.0.1:{theirs}/predict")
        name = json.load(urllib.request.urlopen(f"{base}/fits"))["fits"][0]
        rows = json.load(urllib.request.urlopen(f"{base}/fits/{name['id']}/plan?periods={PERIODS}"))["rows"]
        dice = random.Random(1)

        def plan() -> list[dict]:
            own = [{n: row[n] * dice.uniform(0.5, 1.5) for n in name["channels"]} for row in rows]
            return [row | other for row, other in zip(rows, own, strict=True)]

        def scaled() -> dict:
            return {"plan": rows, "scale": {n: dice.uniform(0.5, 1.5) for n in name["channels"]}}

        sides = {
            "/predict": (f"{base}/predict", lambda: {"plan": plan()}),
            "/whatif": (f"{base}/whatif", scaled),
            "linear model, Flask": (f"http://127.0.0.1:{theirs}/predict", lambda: {"plan": plan()}),
        }
        bodies = {
            side: [json.dumps(make()).encode() for _ in range(int(options.rate * options.seconds))]
            for side, (_, make) in sides.items()
        }
        for side, (url, _) in sides.items():
            for body in bodies[side][:20]:
                post(url, body)
        found: dict[str, list[np.ndarray]] = {side: [] for side in sides}
        for turn in range(options.rounds):
            for side in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                url = sides[side][0]
                ask = lambda k, url=url, side=side: post(url, bodies[side][k])  # noqa: E731
                found[side].append(latencies(ask, options.rate, options.seconds))
    finally:
        for process in running:
            process.terminate()
            process.wait()
    load = os.getloadavg()[0]
    print(f"{options.rate:g} requests a second, {options.rounds} rounds of {options.seconds:g} s; load {load:.1f}")
    medians = {side: [float(np.median(each)) for each in own] for side, own in found.items()}
    flask = medians["linear model, Flask"]
    for side, own in found.items():
        ratio = np.median([a / b for a, b in zip(medians[side], flask, strict=True)])
        whole = np.concatenate(own)
        middle, late = np.median(whole), np.quantile(whole, 0.95)
        print(f"{side:20} median {middle:6.1f} ms, 95 % {late:6.1f} ms, {ratio:4.1f} times Flask's median")
    if options.out:
        each = {side: [part.tolist() for part in own] for side, own in found.items()}
        options.out.write_text(json.dumps(each), encoding="utf-8")


if __name__ == "__main__":
    main()
