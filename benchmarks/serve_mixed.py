"""Minutes of mixed load on two services of one folder: errors, memory, and a service that is killed meanwhile.

Four clients ask whatever a service answers, bad questions among it. In the middle one of the services is killed and
begun anew; who gets no answer asks again. One question has to have the same answer from both, before and after.

    python benchmarks/serve.py --work /path/to/scratch --minutes 10
"""

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np

CLIENTS = 4
#: Seconds that a client goes on to ask a service that does not answer.
PATIENCE = 120.0


class Service:
    """A service in a process of its own, which may be killed and begun anew."""

    def __init__(self, folder: Path, port: int) -> None:
        self._command = [sys.executable, "-m", "bayesmmm", "serve", str(folder), "--port", str(port)]
        self.base, self.memory = f"http://127.0.0.1:{port}", list[float]()
        self.begin()

    def begin(self) -> None:
        """Begin the process."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(self._command, **quiet)

    def look(self) -> None:
        """Write down its memory, in MB."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return
        own = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        self.memory += [int(line.split()[1]) / 1e3 for line in own]


def ask(base: str, path: str, question: dict | None = None) -> tuple[int, bytes]:
    """Status and body of an answer."""
    body = None if question is None else json.dumps(question).encode()
    asked = urllib.request.Request(f"{base}{path}", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=90) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def question_of(dice: random.Random, rows: list[dict], channels: list[str]) -> tuple[str, dict | None, int]:
    """Path, question and expected status of something that is asked."""
    factors = {name: dice.uniform(0.3, 1.7) for name in channels}
    plan = [row | {name: row[name] * factors[name] for name in channels} for row in rows]
    few = {"draws": 400}
    return dice.choice(
        [
            ("/predict", {"plan": plan}, 200),
            ("/predict", {"plan": plan, "noise": True, "quantiles": [0.25, 0.75]}, 200),
            ("/whatif", {"plan": rows, "scale": factors}, 200),
            ("/whatif", {"plan": rows[: dice.randint(1, 13)], "scale": factors, "freq": "month"}, 200),
            ("/whatif", {"scale": factors, **few}, 200),
            ("/effects", {"plan": plan, **few}, 200),
            ("/roi", {"start": "2023-01-01", **few}, 200),
            ("/curves", {"plan": rows, "factors": [0.5, 1.5], **few}, 200),
            ("/decompose", {"freq": "quarter", **few}, 200),
            ("/fits", None, 200),
            ("/", None, 200),
            ("/metrics", None, 200),
            ("/predict", {"plan": plan, "draws": -1}, 422),
            ("/whatif", {"plan": rows, "scale": {"<b>radio</b>": 1.0}}, 422),
            ("/fits/no-such", None, 404),
            ("/optimize", {"plan": plan, "change": round(dice.uniform(0.1, 0.5), 2), "objective": "profit"}, 202),
        ]
    )


class Load:
    """What the clients share."""

    def __init__(self, services: list[Service], minutes: float, rows: list[dict], channels: list[str]) -> None:
        self.services, self.rows, self.channels = services, rows, channels
        self.end = time.monotonic() + 60.0 * minutes
        self.statuses, self.wrong, self.again = Counter[int](), list[str](), 0
        self.fixed: set[bytes] = set()

    def persistent(self, base: str, path: str, question: dict | None) -> tuple[int, bytes]:
        """Ask until there is an answer."""
        begun = time.monotonic()
        while True:
            try:
                return ask(base, path, question)
            except OSError:
                if time.monotonic() - begun > PATIENCE:
                    raise
                self.again += 1
                time.sleep(0.5)

    def job(self, base: str, path: str, question: dict, said: bytes) -> None:
        """Follow a job to its end; where the service that had it is gone, it is asked for once more."""
        name = json.loads(said)["job"]
        while True:
            status, body = self.persistent(base, f"/jobs/{name}", None)
            if status == 404:
                status, body = self.persistent(base, path, question)
                if status == 202 and json.loads(body)["job"] != name:
                    self.wrong.append("the same question has another job")
            if status not in (200, 202) or json.loads(body)["status"] == "failed":
                self.wrong.append(f"job: {status} {body[:200]!r}")
                return
            if json.loads(body)["status"] == "done":
                return
            time.sleep(0.5)

    def client(self, seed: int) -> None:
        """Ask until the time is over."""
        dice = random.Random(seed)
        while time.monotonic() < self.end:
            base = dice.choice(self.services).base
            path, question, expected = question_of(dice, self.rows, self.channels)
            try:
                status, body = self.persistent(base, path, question)
                if path == "/optimize" and status == 202:
                    self.job(base, path, question or {}, body)
                fixed = self.persistent(base, "/whatif", {"plan": self.rows, "scale": {self.channels[0]: 1.25}})
            except OSError as error:
                self.wrong.append(f"{path}: {error}")
                continue
            self.fixed.add(fixed[1])
            self.statuses.update([status, fixed[0]])
            if status != expected:
                self.wrong.append(f"{path}: {status} {body[:200]!r}")


def mixed(folder: Path, ports: tuple[int, int], minutes: float, wait) -> dict:
    """Run the load; what it found."""
    services = [Service(folder, port) for port in ports]
    try:
        for service in services:
            wait(f"{service.base}/health")
        fit = json.loads(ask(services[0].base, "/fits")[1])["fits"][0]
        rows = json.loads(ask(services[0].base, f"/fits/{fit['id']}/plan?periods=13")[1])["rows"]
        load = Load(services, minutes, rows, fit["channels"])
        clients = [threading.Thread(target=load.client, args=(seed,)) for seed in range(CLIENTS)]
        for each in clients:
            each.start()
        half, killed = time.monotonic() + 30.0 * minutes, False
        while time.monotonic() < load.end:
            time.sleep(2.0)
            services[1].look()
            if not killed and time.monotonic() > half:
                services[0].process.send_signal(signal.SIGKILL)
                services[0].process.wait()
                time.sleep(2.0)
                services[0].begin()
                killed = True
        for each in clients:
            each.join()
    finally:
        for service in services:
            service.process.terminate()
            service.process.wait()
    memory = services[1].memory
    fifth = max(len(memory) // 5, 1)
    early, late = (float(np.median(part)) for part in (memory[fifth : 2 * fifth], memory[-fifth:]))
    return {
        "minutes": minutes,
        "answers": sum(load.statuses.values()),
        "statuses": dict(sorted(load.statuses.items())),
        "wrong": load.wrong[:20],
        "asked_again": load.again,
        "different_answers_to_one_question": len(load.fixed),
        "memory": [round(early, 1), round(late, 1)],
        "memory_mb": [round(each, 1) for each in memory[:: max(len(memory) // 30, 1)]],
    }
