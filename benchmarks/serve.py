"""The service: latency beside a linear model behind Flask, a slider of the page, and minutes of mixed load.

Both serve the shipped world `social_search`: bayesmmm a fit with 4,000 draws, Flask a ridge regression of the outcome on
adstocked spend, which answers with one number per period and no interval. A client sends a plan of 13 weeks, other
amounts every time, at a rate that does not wait for answers, to one side and then to the other, in turns.

    python benchmarks/serve.py --work /path/to/scratch --rate 20 --seconds 20 --rounds 3
    python benchmarks/serve.py --work /path/to/scratch --slider
    python benchmarks/serve.py --work /path/to/scratch --minutes 10

What is found is kept in `serve.json`, and written to SERVE.md.
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from serve_mixed import mixed
from serve_report import FLASK, report

FOLDER = Path(__file__).parent
PERIODS = 13
#: A slider goes up in steps; each is waited for.
_MOVES = """async () => {
  const slider = document.querySelector(".channel input[type=range]");
  const out = [];
  for (let i = 0; i < 40; i += 1) {
    slider.value = Number(slider.max) * (0.1 + 0.02 * i);
    const begun = performance.now();
    const before = document.querySelector("#card-outcome");
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (document.querySelector("#card-outcome") === before || document.body.classList.contains("busy")) {
      await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    out.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 60));
  }
  return out;
}"""
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


def served(fit: Path, port: int) -> subprocess.Popen:
    """A service of a fit, once it answers."""
    command = [sys.executable, "-m", "bayesmmm", "serve", str(fit), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(f"http://127.0.0.1:{port}/health")
    return process


def questions(base: str, theirs: str) -> dict[str, tuple[str, Callable[[], dict]]]:
    """Address of each side, and what makes a question that was not asked before."""
    name = json.load(urllib.request.urlopen(f"{base}/fits"))["fits"][0]
    rows = json.load(urllib.request.urlopen(f"{base}/fits/{name['id']}/plan?periods={PERIODS}"))["rows"]
    dice = random.Random(1)

    def plan() -> dict:
        own = [{n: row[n] * dice.uniform(0.5, 1.5) for n in name["channels"]} for row in rows]
        return {"plan": [row | other for row, other in zip(rows, own, strict=True)]}

    def scaled() -> dict:
        return {"plan": rows, "scale": {n: dice.uniform(0.5, 1.5) for n in name["channels"]}}

    return {"/predict": (f"{base}/predict", plan), "/whatif": (f"{base}/whatif", scaled), FLASK: (theirs, plan)}


def timed(fit: Path, options: argparse.Namespace) -> dict:
    """Latencies of all sides."""
    ours, theirs = free_port(), free_port()
    running = [
        served(fit, ours),
        subprocess.Popen([sys.executable, "-c", _FLASK, str(theirs)], stderr=subprocess.DEVNULL),
    ]
    try:
        wait_for(f"http://127.0.0.1:{theirs}/predict")
        sides = questions(f"http://127.0.0.1:{ours}", f"http://127.0.0.1:{theirs}/predict")
        many = int(options.rate * options.seconds)
        bodies = {side: [json.dumps(make()).encode() for _ in range(many)] for side, (_, make) in sides.items()}
        for side, (url, _) in sides.items():
            for body in bodies[side][:20]:
                post(url, body)
        found: dict[str, list[np.ndarray]] = {side: [] for side in sides}
        for turn in range(options.rounds):
            for side in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                ask = lambda k, side=side: post(sides[side][0], bodies[side][k])  # noqa: E731
                found[side].append(latencies(ask, options.rate, options.seconds))
    finally:
        for process in running:
            process.terminate()
            process.wait()
    medians = {side: [float(np.median(each)) for each in own] for side, own in found.items()}
    out = {"rate": options.rate, "seconds": options.seconds, "rounds": options.rounds, "load": os.getloadavg()[0]}
    for side, own in found.items():
        whole = np.concatenate(own)
        ratio = np.median([a / b for a, b in zip(medians[side], medians[FLASK], strict=True)])
        numbers = {"median": np.median(whole), "late": np.quantile(whole, 0.95), "ratio": ratio}
        out[side] = {name: round(float(value), 2) for name, value in numbers.items()}
    return out


def slider(fit: Path) -> dict:
    """Milliseconds from a move of a slider until the page is painted anew, in Chromium."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    process = served(fit, port)
    try:
        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("body[data-complete]").wait_for()
            moves = page.evaluate(_MOVES)
            browser.close()
    finally:
        process.terminate()
        process.wait()
    numbers = {"median": np.median(moves), "late": np.quantile(moves, 0.95), "load": os.getloadavg()[0]}
    return {"moves": len(moves)} | {name: round(float(value), 1) for name, value in numbers.items()}


def main() -> None:
    """Measure what is asked for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slider", action="store_true", help="a slider of the page")
    parser.add_argument("--minutes", type=float, help="mixed load for so long")
    parser.add_argument("--out", type=Path, default=FOLDER / "serve.json")
    options = parser.parse_args()
    folder = options.work / "fits"
    folder.mkdir(parents=True, exist_ok=True)
    fit = saved_fit(folder)
    known = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    if options.minutes:
        known["mixed"] = mixed(folder, (free_port(), free_port()), options.minutes, wait_for)
    elif options.slider:
        known["slider"] = slider(fit)
    else:
        known["latency"] = timed(fit, options)
    options.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    text = report(known)
    options.out.with_name("SERVE.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
