"""The service as a program: it begins, answers, lets answers end, and stops; and the page in a notebook."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from bayesmmm import cli
from bayesmmm.errors import ServiceError, SettingError
from tests.serving import small_fit

PROGRAM = [sys.executable, "-m", "bayesmmm", "serve"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_fit().save(tmp_path_factory.mktemp("fits") / "small.nc")


def free_port():
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def begun(saved, port, *more):
    command = [*PROGRAM, str(saved), "--port", str(port), "--allow-unconverged", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").read()
            return process
        except OSError:
            time.sleep(0.1)
    raise AssertionError(process.communicate())


def ask(port, path, question=None, **headers):
    body = None if question is None else json.dumps(question).encode()
    headers |= {"Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_it_answers_until_it_is_told_to_stop_and_then_gives_the_last_answer(saved):
    """From a folder that only it reads; two processes at once; what is asked while it stops is answered."""
    ports = [free_port(), free_port()]
    first, second = (begun(saved.parent, port, "--token", "secret") for port in ports)
    token = {"Authorization": "Bearer secret"}
    one, other = (ask(port, "/roi", {}, **token) for port in ports)
    assert one == other
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(ports[0], "/fits")
    heavy = {"periods": 8, "total": 900.0, "flighting": "free", "starts": 50}
    assert ask(ports[0], "/optimize", heavy, **token)["status"] in ("queued", "running")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(ports[0], "/effects", {}, **token)))
    asking.start()
    while asking.is_alive() and open_requests(ports[0], token) < 2:
        pass
    first.send_signal(signal.SIGTERM)
    second.send_signal(signal.SIGINT)
    asking.join()
    assert answers[0]["variables"]["roi"]["rows"]
    for process, port in ((first, ports[0]), (second, ports[1])):
        said, log = process.communicate()
        assert process.returncode == 0
        assert f"page: http://127.0.0.1:{port}/" in said
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        assert [line["event"] for line in lines][:1] + [line["event"] for line in lines][-1:] == ["start", "stop"]
        assert "secret" not in said + log


def open_requests(port, token):
    """How many requests are being answered, this one included."""
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=token)
    ) as answer:
        return float(re.search(r"^bayesmmm_requests_open (.*)$", answer.read().decode(), re.M)[1])


def test_what_is_missing_is_said_before_anything_is_loaded(tmp_path, capsys, monkeypatch):
    assert cli.main(["serve", str(tmp_path / "no.nc")]) == 2
    assert "no.nc does not exist; give saved fits" in capsys.readouterr().err
    assert cli.main(["serve", str(tmp_path)]) == 2
    assert "holds no file that ends in .nc" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["mcp", str(tmp_path)]) == 2
    assert "pip install 'bayesmmm[mcp]'" in capsys.readouterr().err


def test_ports_are_numbers(capsys):
    with pytest.raises(SystemExit):
        cli.main(["serve", "fit.nc", "--port", "70000"])
    assert "'70000' must be a whole number from 0 to 65535" in capsys.readouterr().err


def test_a_notebook_shows_the_page():
    explorer = small_fit().explore(height=500)
    try:
        assert f'<iframe src="{explorer.address}"' in explorer._repr_html_()
        assert "height:500px" in explorer._repr_html_()
        while True:
            try:
                page = urllib.request.urlopen(explorer.address).read().decode()
                break
            except OSError:
                time.sleep(0.05)
        assert "<title>Planner</title>" in page
        assert ask(explorer.port, "/fits")["fits"][0]["id"] == "sales"
        with pytest.raises(ServiceError, match="leave port out for a free one"):
            small_fit().explore(port=explorer.port)
    finally:
        explorer.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(explorer.address)
    with pytest.raises(SettingError, match="in pixels"):
        small_fit().explore(height=0)
    away = small_fit().explore(address="/proxy/{port}/")
    away.stop()
    assert away.address == f"/proxy/{away.port}/"
