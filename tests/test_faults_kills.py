"""Runs that are killed at any moment: no file is lost or torn, none is mixed unmarked, nothing stays behind.

Half of the kills come at a random time, half at a random operation on files. What is computed is made beforehand, since
kills while computing touch no file.

    pytest -n 0 -m slow tests/test_faults_kills.py
"""

import contextlib
import io
import os
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

from bayesmmm import cli, files, plots, processes
from bayesmmm.cli.files import are_mixed, marked
from bayesmmm.diagnostics import diagnose
from bayesmmm.report import compose
from bayesmmm.results import fit_file
from tests import plans_made_up
from tests.made import case, case_fit

pytestmark = pytest.mark.slow
KILLS = 50
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.listdir", "shutil.rmtree")
CASE = "one mediator"


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Run a command into a folder, in its first or second variant, with everything computed beforehand."""
    import bayesmmm.inference

    fits = [case_fit(CASE, draws=20, seed=seed, verdict=None) for seed in (1, 2)]
    for number, fit in enumerate(fits):
        fit.save(tmp_path / f"{number}.nc")
    diagnoses = [diagnose(fit) for fit in fits]
    reports = [compose(fit.accept_unconverged()) for fit in fits]
    plan = plans_made_up.plan()
    figure = io.BytesIO()
    image.imsave(figure, np.zeros((2, 2)), format="png")
    system, data = case(CASE)
    data.to_frame().to_csv(tmp_path / "data.csv", index=False)
    roles = {"date": "date", "outcome": data.outcome, "media": list(data.media)}
    roles |= {"mediators": dict(data.mediators), "controls": list(data.controls)}
    (tmp_path / "spec.toml").write_text(system.to_toml(roles), encoding="utf-8")
    for name in ("show_effects", "show_warnings", "show_findings", "show_diagnosis"):
        monkeypatch.setattr(cli.commands, name, lambda *_: None)
    monkeypatch.setattr(processes, "processors", lambda: 1)  # no second process, in which nothing is replaced
    monkeypatch.setattr(plots, "save", lambda _, path: path.write_bytes(figure.getvalue()))
    for name in plots.__all__:
        if name not in ("save", "AUTO", "Title"):
            monkeypatch.setattr(plots, name, lambda *_, **__: None)

    def run(command, out, variant):
        monkeypatch.setattr(bayesmmm.inference, "fit", lambda *_, **__: fits[variant])
        monkeypatch.setattr("bayesmmm.diagnostics.diagnose", lambda _: diagnoses[variant])
        monkeypatch.setattr("bayesmmm.report.compose", lambda *_, **__: reports[variant])
        monkeypatch.setattr(cli.planning, "solve", lambda *_: (plan, None, []))
        if command == "save":
            return fits[variant].save(out / "fit.nc")
        argv = {
            "fit": [tmp_path / "data.csv", "--spec", tmp_path / "spec.toml"],
            "report": [tmp_path / f"{variant}.nc", "--allow-unconverged"],
            "optimize": [tmp_path / f"{variant}.nc", "--allow-unconverged", "--periods", "2", "--seed", variant],
        }[command]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = cli.main([str(word) for word in (command, *argv, "--out", out)])
        assert status in (cli.DONE, cli.SAMPLER_FAILED)
        return status

    return run


def forked(call, *, after=None, at=None):
    """Run a call in a copy of this process; kill it after some seconds or at an operation on files; its operations."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        seen = 0

        def hook(event, _):
            nonlocal seen
            if event in EVENTS:
                seen += 1
                if seen == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        code = 1
        try:
            call()
            code = 0
        finally:
            os.write(write, str(seen).encode())
            os._exit(code)
    os.close(write)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(read) as pipe:
        return status, int(pipe.read() or 0)


def whole(path):
    """Whether a file is all that was written."""
    content = path.read_bytes()
    if path.suffix == ".nc":
        fit_file._whole(path)
    if path.suffix == ".png":
        return content.endswith(files._PNG_END)
    return files.read_mark(path) is not None


@pytest.mark.parametrize("command", ["fit", "report", "optimize", "save"])
def test_kills_lose_and_mix_nothing_unmarked_and_leave_nothing(command, commands, tmp_path):
    rng = np.random.default_rng(["fit", "report", "optimize", "save"].index(command))
    out = tmp_path / "out"
    out.mkdir()
    folders, marks = [], []
    for variant in (0, 1):
        folder = tmp_path / f"whole{variant}"
        folder.mkdir()
        commands(command, folder, variant)
        found = marked(folder)
        folders.append({name for names in found.values() for name in names})
        marks.append(set(found))
        assert None not in found
    assert folders[0] == folders[1]
    assert not marks[0] & marks[1]
    commands(command, out, 0)
    start = time.perf_counter()
    status, operations = forked(lambda: commands(command, out, 0))
    seconds = time.perf_counter() - start
    assert (status, operations > 5) == (0, True)
    killed = mixed = 0
    for number in range(KILLS):
        how = {"at": int(rng.integers(1, operations + 1))} if number % 2 else {"after": seconds * rng.random()}
        status, _ = forked(lambda: commands(command, out, 1), **how)
        killed += status == -signal.SIGKILL
        found = marked(out)
        assert {name for names in found.values() for name in names} == folders[0], "a file is lost"
        assert set(found) <= marks[0] | marks[1], "a file is not marked"
        assert all(whole(out / name) for name in folders[0]), "a file is torn"
        both = bool(set(found) & marks[0]) and bool(set(found) & marks[1])
        assert not both or are_mixed(list(found)) or command == "save"
        mixed += both
        commands(command, out, 0)
        assert not [path for path in out.rglob("*") if path.name.startswith(".")], "something is left behind"
        assert set(marked(out)) == marks[0]
    sys.stdout.write(
        f"{command}: {KILLS} runs, {killed} killed before the end, {mixed} left files of two runs, marked\n"
    )
    assert killed > 0.8 * KILLS


def test_marks_tell_variants_apart(tmp_path):
    """The control of the test above: files without a mark, or of an unknown run, would be seen."""
    (tmp_path / "x.csv").write_text("a\n1\n", encoding="utf-8")
    assert marked(tmp_path) == {None: ["x.csv"]}
    assert are_mixed([("fit", "a", "f"), ("fit", "b", "f")])
    assert are_mixed([("saved", "f", "f"), ("fit", "a", "g")])
    assert not are_mixed([("saved", "f", "f"), ("fit", "a", "f"), ("report", "b", "f")])
    assert replace(case_fit(CASE, draws=2)).stamp == case_fit(CASE, draws=2).stamp
