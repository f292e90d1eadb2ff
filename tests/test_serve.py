"""The service: its answers are those of Python, its errors the package's sentences, its limits hold."""

import json
import logging
import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmmm as mm
from bayesmmm.errors import SettingError, UnknownTermError
from bayesmmm.serve import forms
from bayesmmm.serve.hearing import heard
from bayesmmm.serve.library import Library
from bayesmmm.serve.limits import Limits
from bayesmmm.serve.middleware import JsonLines
from bayesmmm.serve.warming import warm
from tests import made, panels, worlds
from tests.panel_fits import panel_fit
from tests.serving import client, rows, small_fit


@pytest.fixture(scope="module")
def api():
    with client() as made_client:
        yield made_client


@pytest.fixture(scope="module")
def plan(api):
    return api.get("/fits/small/plan?periods=4").json()["rows"]


def asked(api, path, question, status=200):
    answer = api.post(path, json=question)
    assert answer.status_code == status, answer.text
    return answer.json()


def same(row, draws, ci_prob=0.9):
    """Hold the numbers of a row to those that Python makes of the draws."""
    table = mm.summarise(draws.rename("x"), ci_prob).iloc[0]
    for name in ("mean", "median", "lower", "upper", "sd"):
        assert_allclose(row[name], table[name], rtol=1e-12, atol=1e-12, err_msg=name)
    if "p_above" in table:
        assert row["p_above"] == table["p_above"]


def frame(plan):
    return pd.DataFrame(plan)


# ---------------------------------------------------------------------------------------------------- same as Python
def test_predictions_are_those_of_python(api, plan):
    answer = asked(api, "/predict", {"plan": plan, "seed": 3, "quantiles": [0.25], "ci_prob": 0.8})
    found = mm.predict(small_fit(), frame(plan), seed=3)
    for name in ("sales", "search"):
        for row, date in zip(answer["variables"][name]["rows"], found["date"].values, strict=True):
            assert row["date"] == f"{pd.Timestamp(date):%Y-%m-%d}"
            same(row, found[name].sel(date=date, drop=True), 0.8)
            quarter = found[name].sel(date=date).quantile(0.25).item()
            assert_allclose(row["quantiles"]["0.25"], quarter, rtol=1e-12)
        same(answer["totals"][name]["rows"][0], found[name].sum("date"), 0.8)
    outside = {row["input"]: row["value"] for row in answer["extrapolated"]["rows"]}
    assert outside == found["extrapolated"].to_series().to_dict()
    assert (answer["interval_probability"], answer["seed"], answer["draws"]) == (0.8, 3, 80)
    assert (answer["verdict"], answer["unit"]) == ("converged", "money")
    forms.Series.model_validate(answer)


def test_one_row_of_a_plan_may_stand_by_itself(api, plan):
    one = asked(api, "/predict", {"plan": plan[0]})
    assert one["variables"] == asked(api, "/predict", {"plan": plan[:1]})["variables"]


def test_months_are_sums_of_the_draws(api):
    answer = asked(api, "/predict", {"freq": "month"})
    fitted = mm.predict(small_fit())["sales"]
    months = fitted.groupby(fitted["date"].dt.strftime("%Y-%m-01")).sum()
    found = rows(answer, "sales")
    assert sorted(found) == [(label,) for label in months["strftime"].values]
    for label in months["strftime"].values:
        same(found[label,], months.sel(strftime=label, drop=True))


def test_scenarios_are_those_of_python(api, plan):
    question = {"plan": plan, "scale": {"tv": 1.5}, "do": {"social": [10.0, 0.0, 5.0, 40.0]}}
    answer = asked(api, "/whatif", question)
    do = {"social": np.array([10.0, 0.0, 5.0, 40.0])}
    found = mm.what_if(small_fit(), plan=frame(plan), scale={"tv": 1.5}, do=do)
    for name in ("sales", "sales.change", "search.change"):
        same(answer["totals"][name]["rows"][0], found[name].sum("date"))
        for row, date in zip(answer["variables"][name]["rows"], found["date"].values, strict=True):
            same(row, found[name].sel(date=date, drop=True))
    change = found["sales.change"].sum("date")
    assert answer["totals"]["sales.change"]["rows"][0]["p_above"] == float((change > 0).mean())
    money = {row["channel"]: row for row in answer["spend"]["rows"]}
    assert money["tv"]["scenario"] == pytest.approx(1.5 * sum(row["tv"] for row in plan))
    assert money["social"]["scenario"] == 55.0
    extra = answer["spend"]["total"]["scenario"] - answer["spend"]["total"]["now"]
    profit = change - extra - found["search.change"].sum("date")
    same(answer["gain"]["profit"], profit)
    assert answer["gain"]["profit"]["p_above"] == float((profit > 0).mean())
    forms.Comparison.model_validate(answer)


def test_money_is_moved_between_channels(api, plan):
    before = {name: sum(row[name] for row in plan) for name in ("tv", "social")}
    answer = asked(api, "/whatif", {"plan": plan, "shift": [{"source": "tv", "target": "social", "amount": 50.0}]})
    total = answer["spend"]["total"]
    assert total["scenario"] == pytest.approx(total["now"])
    factors = {"tv": (before["tv"] - 50.0) / before["tv"], "social": (before["social"] + 50.0) / before["social"]}
    assert answer["scale"] == pytest.approx(factors)
    found = mm.what_if(small_fit(), plan=frame(plan), scale=answer["scale"])
    same(answer["totals"]["sales.change"]["rows"][0], found["sales.change"].sum("date"))
    much = {"plan": plan, "shift": [{"source": "tv", "target": "social", "amount": 1e9}]}
    refused = asked(api, "/whatif", much, 422)["message"]
    assert refused.startswith("shift takes 1e+09 of money from 'tv'")
    assert "move less than it has" in refused


@pytest.mark.parametrize(
    ("path", "question", "ask"),
    [
        ("/effects", {}, mm.effects),
        ("/roi", {"net": True}, mm.roi),
        ("/curves", {"factors": [0.5, 2.0], "parts": True}, mm.response_curves),
        ("/decompose", {"freq": "quarter"}, mm.decompose),
    ],
)
def test_other_answers_are_those_of_python(api, path, question, ask):
    answer = asked(api, path, {**question, "draws": 40, "ci_prob": 0.5})
    found = ask(small_fit().thin(40), **question)
    found = found.to_dataset() if not hasattr(found, "data_vars") else found
    assert set(answer["variables"]) == set(found.data_vars)
    assert answer["draws"] == 40
    table = mm.summarise(found, 0.5)
    for name, values in found.data_vars.items():
        for labels, row in rows(answer, name).items():
            if "draw" in values.dims:
                known = table.loc[f"{name}[{', '.join(map(str, labels))}]"]
                for part in ("mean", "median", "lower", "upper"):
                    number = known[part]
                    assert (
                        row[part] is None if not np.isfinite(number) else row[part] == pytest.approx(number, 1e-12)
                    )
    forms.Answer.model_validate(answer)


def test_a_panel_is_answered_by_geo():
    fit = made.made_fit(panels.system(), panels.data())
    with client({"panel": fit}) as api:
        plan = api.get("/fits/panel/plan?periods=2").json()["rows"]
        answer = asked(api, "/whatif", {"plan": plan, "scale": {fit.system.channels[0]: 0.0}, "by": "geo"})
        found = mm.what_if(fit, plan=frame(plan), scale={fit.system.channels[0]: 0.0}, by="geo")
    name = f"{fit.system.outcome}.change"
    for row, geo in zip(answer["totals"][name]["rows"], fit.data.geos, strict=True):
        assert row["geo"] == geo
        same(row, found[name].sel(geo=geo, drop=True).sum("date"))


def test_what_is_added_up_knows_that_geos_start_late_and_end_early():
    fit = panel_fit("no mediator", ragged=True)
    with client({"panel": fit}) as api:
        question = {"scale": {"tv": 0.0}, "by": "geo"}
        whole, monthly = (asked(api, "/whatif", question | more) for more in ({}, {"freq": "month"}))
    found = mm.what_if(fit, scale={"tv": 0.0}, by="geo")["sales.change"]
    assert found.isnull().any()
    for row in whole["totals"]["sales.change"]["rows"]:
        same(row, found.sel(geo=row["geo"], drop=True).sum("date"))
    for answer in (whole, monthly):
        parts = pd.DataFrame(answer["variables"]["sales.change"]["rows"])
        assert parts["mean"].isna().any()  # what is not there is not 0
        added = parts.groupby("geo")["mean"].sum()
        for row in answer["totals"]["sales.change"]["rows"]:
            assert row["mean"] == pytest.approx(added[row["geo"]])


def test_the_same_question_has_the_same_answer(api, plan):
    question = {"plan": plan, "scale": {"tv": 0.5}}
    assert api.post("/whatif", json=question).content == api.post("/whatif", json=question).content


# ------------------------------------------------------------------------------------------------------------- a fit
def test_what_is_said_of_a_fit(api):
    one = api.get("/fits/small").json()
    fit = small_fit()
    assert (one["verdict"], one["outcome"], one["channels"]) == ("converged", "sales", list(fit.system.channels))
    assert one["periods"] == {"first": "2023-01-01", "last": "2024-02-18", "count": 60, "frequency": "weekly"}
    assert "sales" in one["equations"]
    assert one["next"] == "2024-02-25"
    assert {each["name"]: each["kind"] for each in one["inputs"]} == {
        "tv": "channel",
        "social": "channel",
        "price": "control",
    }
    assert one["versions"] == dict(fit.versions)
    assert api.get("/fits").json()["fits"][0]["stamp"] == fit.stamp
    history = api.get("/fits/small/history").json()["rows"]
    assert [row["tv"] for row in history] == fit.data.columns["tv"][0].tolist()


def test_several_fits_are_told_apart():
    other = made.made_fit(worlds.system("normal", "censored_normal"), worlds.data(), seed=5)
    with client({"a": small_fit(), "b": other}) as api:
        failure = asked(api, "/roi", {}, 422)
        assert failure == {
            "code": "ServiceError",
            "message": "fit must name one of a or b, since several are served",
            "field": "fit",
        }
        one, two = (asked(api, "/roi", {"fit": name})["variables"] for name in ("a", "b"))
        assert one != two
        assert asked(api, "/roi", {"fit": "c"}, 404)["message"] == "there is no fit 'c'. Use one of: a, b."


# -------------------------------------------------------------------------------------------------------------- errors
def test_errors_are_the_sentences_of_python(api, plan):
    failure = asked(api, "/whatif", {"plan": plan, "scale": {"tvv": 1.0}}, 422)
    with pytest.raises(UnknownTermError) as caught:
        mm.what_if(small_fit(), plan=frame(plan), scale={"tvv": 1.0})
    assert failure == {"code": "UnknownTermError", "message": str(caught.value), "field": "scale"}
    failure = asked(api, "/roi", {"ci_prob": 2.0}, 422)
    with pytest.raises(SettingError) as caught:
        mm.summarise(mm.roi(small_fit()), ci_prob=2.0)
    assert failure == {"code": "SettingError", "message": str(caught.value), "field": "ci_prob"}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "sentence"),
    [
        ("/whatif", b'{"scale": {"tv": NaN}}', 422, "SettingError", r"scale\['tv'\]=nan must be a number"),
        ("/whatif", b'{"scale": {"tv": 1e999}}', 422, "SettingError", r"scale\['tv'\]=inf must be a number"),
        ("/whatif", b'{"scale": {"tv": "1"}}', 422, "SettingError", "must be a number"),
        ("/whatif", b'{"scale"', 422, "QuestionError", "no JSON"),
        ("/whatif", b"[" * 100_000, 400, "QuestionError", "no JSON"),
        ("/whatif", b'{"scales": {}}', 422, "QuestionError", "there is no field 'scales'"),
        ("/whatif", b'{"draws": 100000}', 422, "SettingError", "at most the 10000 that this service gives"),
        ("/predict", b'{"plan": [{"date": "2024-02-25", "tv": [1]}]}', 422, "PlanError", "give one number for each"),
        ("/predict", b'{"plan": [{"date": "2024-02-25"}]}', 422, "UnknownColumnError", "equations need"),
        ("/predict", b'{"plan": [{"a": 1}, {"b": 1}]}', 422, "PlanError", "do not both have 'a', 'b'"),
        ("/predict", b'{"plan": []}', 422, "PlanError", "the plan has no rows"),
        ("/predict", b'{"quantiles": [1.5]}', 422, "SettingError", "must lie between 0 and 1"),
        ("/curves", b'{"channels": ["<b>x</b>"]}', 422, "UnknownTermError", "no equation has the channel '<b>x</b>'"),
        ("/curves", b'{"channels": ["\\ud800"]}', 422, "UnknownTermError", "no equation has the channel"),
        ("/optimize", b'{"periods": 4}', 422, "SettingError", "needs total="),
        ("/optimize", b'{"total": 100}', 422, "SettingError", "which window to plan"),
    ],
)  # fmt: skip
def test_bad_questions_are_refused(api, path, body, status, code, sentence):
    answer = api.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    import re

    assert re.search(sentence, answer.json()["message"])
    assert answer.headers["content-type"] == "application/json"


def test_addresses_and_methods_that_are_not_there(api):
    for path in ("/nothing", "/fits/../../etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert api.get(path).status_code == 404
    assert api.get("/predict").json()["code"] == "MethodError"
    assert api.post("/predict", content="a=1", headers={"content-type": "text/plain"}).status_code == 415


def test_a_failed_sampler_is_not_asked():
    fit = made.made_fit(worlds.system("normal", "censored_normal"), worlds.data(), verdict="failed")
    with client({"bad": fit, "accepted": fit.accept_unconverged()}) as api:
        failure = asked(api, "/roi", {"fit": "bad"}, 409)
        assert failure["code"] == "ConvergenceError"
        assert (
            asked(api, "/optimize", {"fit": "bad", "periods": 4, "total": 100}, 409)["code"] == "ConvergenceError"
        )
        assert asked(api, "/roi", {"fit": "accepted"})["verdict"] == "failed"


# -------------------------------------------------------------------------------------------------------------- limits
def test_limits_of_size(plan):
    with client(limits={"body": 2000, "rows": 3, "draws": 20}) as api:
        headers = {"content-type": "application/json"}
        assert api.post("/roi", content=b" " * 2001, headers=headers).status_code == 413
        parts = (b" " * 1000 for _ in range(3))  # of no stated length
        assert api.post("/roi", content=parts, headers=headers).json()["code"] == "BodySizeError"
        failure = asked(api, "/predict", {"plan": plan}, 422)
        assert (failure["code"], failure["field"]) == ("PlanError", "plan")
        assert "takes 3" in failure["message"]
        assert asked(api, "/roi", {})["draws"] == 20


def test_an_answer_that_takes_too_long_is_ended():
    with client(limits={"seconds": 1e-9}) as api:
        failure = asked(api, "/effects", {}, 503)
        assert failure["code"] == "RunTimeError"
        assert "ask for fewer draws" in failure["message"]
    with client(limits={"job_seconds": 1e-9}) as api:
        job = finished(api, asked(api, "/optimize", {"periods": 2, "total": 100}, 202))
        assert (job["status"], job["error"]["code"]) == ("failed", "RunTimeError")
    with client(limits={"waiting": 0}) as api:
        assert asked(api, "/effects", {}, 503)["code"] == "BusyError"


def test_the_token_is_asked_for():
    with client(token="secret") as api:
        assert api.get("/health").status_code == 200
        assert api.get("/fits").json()["code"] == "TokenError"
        for wrong in ("secret", "Bearer secre", "Bearer secrett", "bearer secret"):
            assert api.get("/fits", headers={"Authorization": wrong}).status_code == 401
        assert api.get("/fits", headers={"Authorization": "Bearer secret"}).status_code == 200
        assert api.post("/roi", json={}).status_code == 401


def test_other_sites_are_not_let_in(api):
    answer = api.get("/fits", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


# ------------------------------------------------------------------------------------------------------ jobs, numbers
def finished(api, job):
    end = time.monotonic() + 300
    while job["status"] in ("queued", "running") and time.monotonic() < end:
        time.sleep(0.02)
        job = api.get(f"/jobs/{job['job']}").json()
    return job


def test_budgets_are_those_of_python(api):
    question = {"periods": 3, "total": 500.0, "starts": 1, "bounds": {"tv": ["50%", None]}}
    begun = asked(api, "/optimize", question, 202)
    job = finished(api, begun)
    assert (job["status"], job["error"]) == ("done", None)
    assert job["steps"] == len(job["progress"]) > 1
    answer = api.get(f"/jobs/{job['job']}/result").json()
    limits = mm.Constraints(bounds={"tv": ("50%", None)})
    with heard() as said:
        plan = mm.optimize_budget(
            small_fit(), total=500.0, periods=3, constraints=limits, solver=mm.Solver(starts=1)
        )
    table = plan.table(0.9)
    for row in answer["table"]:
        for name in ("current", "new", "roi_new", "roi_new_lower"):
            known = table.loc[row["name"], name]
            assert row[name] is None if np.isnan(known) else row[name] == pytest.approx(known, rel=1e-9)
    assert answer["p_better"] == plan.p_better
    assert pd.DataFrame(answer["plan"])["tv"].tolist() == pytest.approx(plan.to_frame()["tv"].tolist())
    assert answer["warnings"] == said
    again = asked(api, "/optimize", question, 202)
    assert (again["job"], again["status"]) == (begun["job"], "done")
    assert asked(api, "/optimize", question | {"seed": 1}, 202)["job"] != begun["job"]


def test_a_plan_that_cannot_be_is_a_job_that_failed(api):
    job = finished(api, asked(api, "/optimize", {"periods": 3, "total": 500.0, "bounds": ["0%", "1%"]}, 202))
    assert (job["status"], job["error"]["code"]) == ("failed", "InfeasibleError")
    answer = api.get(f"/jobs/{job['job']}/result")
    assert (answer.status_code, answer.json()) == (422, job["error"])


def test_jobs_are_cancelled_and_counted(api):
    heavy = {"periods": 8, "total": 900.0, "flighting": "free", "starts": 50}
    first = asked(api, "/optimize", heavy, 202)
    second = asked(api, "/optimize", heavy | {"total": 901.0}, 202)
    for each in (second, first):
        api.delete(f"/jobs/{each['job']}")
        job = finished(api, each)
        assert job["status"] == "cancelled"
    assert api.get(f"/jobs/{first['job']}/result").status_code == 404
    assert 'bayesmmm_jobs{status="cancelled"} 2.0' in api.get("/metrics").text
    assert asked(api, "/optimize", heavy, 202)["job"] == first["job"]
    finished(api, api.delete(f"/jobs/{first['job']}").json())
    assert api.get("/jobs/none").json()["code"] == "UnknownFitError"


def test_more_jobs_than_allowed_are_refused():
    heavy = {"periods": 8, "flighting": "free", "starts": 50}
    with client(limits={"jobs": 1}) as api:
        job = asked(api, "/optimize", heavy | {"total": 900.0}, 202)
        assert asked(api, "/optimize", heavy | {"total": 901.0}, 503)["code"] == "BusyError"
        finished(api, api.delete(f"/jobs/{job['job']}").json())


def test_the_report_is_a_page(api, no_drawing):
    job = finished(api, asked(api, "/report", {"title": "Ours", "draws": 40}, 202))
    assert job["status"] == "done", job
    answer = api.get(f"/jobs/{job['job']}/result")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<title>Ours</title>" in answer.text


def test_numbers_for_prometheus_are_by_route(api):
    asked(api, "/roi", {"channels": ["tv"]})
    text = api.get("/metrics").text
    assert 'bayesmmm_requests_total{route="/roi",status="200"}' in text
    assert 'bayesmmm_request_seconds_bucket{le="0.025",route="/roi"}' in text


def test_the_log_tells_what_happened_and_never_what_was_asked(api, caplog):
    with caplog.at_level(logging.INFO, logger="bayesmmm.serve"):
        asked(api, "/roi", {"channels": ["tv"]})
        api.post("/roi", json={"channels": ["a secret"]})
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert [(line["route"], line["status"]) for line in lines] == [("/roi", 200), ("/roi", 422)]
    assert "secret" not in json.dumps(lines)


def test_the_interface_is_described_with_examples_that_run(api):
    spec = api.get("/openapi.json").json()
    for path, item in spec["paths"].items():
        for method, route in item.items():
            assert {"422", "401", "503"} <= set(route["responses"]), path
            if method == "post":
                for example in route["requestBody"]["content"]["application/json"]["examples"].values():
                    answer = api.post(path, json=example["value"])
                    assert answer.status_code == int(next(iter(route["responses"]))), answer.text
                    if answer.status_code == 202:
                        api.delete(answer.headers["location"])
                        finished(api, answer.json())


def test_kinds_of_questions_are_asked_once_before_anybody_does():
    library = Library({"small": small_fit()})
    warm(library, Limits())
    assert {"history_end", "noise", "plan", "past"} <= set(library["small"].fit.memo)


def test_a_channel_of_a_panel_is_set_geo_by_geo():
    """And money is counted in the periods of each geo alone: one starts late, one ends early."""
    fit = panel_fit("mediated", ragged=True)
    periods, geos = len(fit.data.dates), fit.data.geos
    levels = dict(zip(geos, (10.0, [20.0] * periods, 0.0), strict=True))
    table = pd.DataFrame({geo: np.full(periods, value) for geo, value in levels.items()}, fit.data.dates)
    with client({"panel": fit}) as api:
        answer = asked(api, "/whatif", {"do": {"tv": levels}, "by": "geo"})
        one = asked(api, "/whatif", {"do": {"tv": 10.0}})
        refused = asked(api, "/whatif", {"do": {"tv": {"north": 1.0}}}, 422)["message"]
    found = mm.what_if(fit, do={"tv": table}, by="geo")["sales.change"]
    for row, geo in zip(answer["totals"]["sales.change"]["rows"], geos, strict=True):
        same({k: v for k, v in row.items() if k != "geo"}, found.sel(geo=geo).sum("date"))
    money = {row["channel"]: row["scenario"] for row in answer["spend"]["rows"]}
    own = fit.data.has_row.sum(axis=1)
    assert money["tv"] == pytest.approx(10.0 * own[0] + 20.0 * own[1])
    assert {row["channel"]: row["scenario"] for row in one["spend"]["rows"]}["tv"] == pytest.approx(
        10.0 * own.sum()
    )
    assert "must have one column for each of the geos north, south, west" in refused
