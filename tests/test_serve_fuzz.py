"""Questions that nobody would ask: whatever is sent, the service answers with an answer or with a sentence."""

import copy
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from tests.serving import client

schemathesis = pytest.importorskip("schemathesis")

QUIET = [
    HealthCheck.filter_too_much,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]
NASTY = (
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        1e308,
        -1e308,
        5e-324,
        0,
        -1,
        2**63,
        10**400,
        0.5,
        True,
        False,
        None,
    ),
    *("", " ", "NaN", "1e5", "50%", "tv", "search", "sales", "price", "geo", "date", "2024-02-25", "2024-13-45"),
    *("<script>alert(1)</script>", "../../etc/passwd", "\ud800", "\0", "x" * 5000, "tv@north", "month", "spend"),
    *([], [[]], [None], [1, 2], ["tv"], ["tv", "tv"], [[1, 2], [3]]),
    *({}, {"tv": 1}, {"tv": [1, 2]}, {"": 0}, {"tv": {"tv": 1}}),
)
JSON = {"content-type": "application/json"}


def check(answer, seen):
    """An answer, or a refusal with its sentence; never a fault, and never a number that JSON does not have."""
    seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
    assert answer.status_code < 500 or answer.json()["code"] in ("BusyError", "RunTimeError"), answer.text
    if answer.headers["content-type"] == "application/json":
        said = json.loads(
            answer.content, parse_constant=lambda name: pytest.fail(f"{name} in {answer.text[:200]}")
        )
        if answer.status_code >= 400:
            assert said["code"]
            assert said["message"].strip()


def send(api, method, url, question=None, **more):
    content = {} if question is None else {"content": json.dumps(question).encode(), "headers": JSON}
    return api.request(method, url, **content, **more)


def generated(api, calls, seen):
    """Send what Schemathesis makes of the description of the interface, fitting and not."""
    schema = schemathesis.openapi.from_dict(api.get("/openapi.json").json())
    operations = [result.ok() for result in schema.get_all_operations()]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    each = max(calls // (2 * len(operations)), 1)
    for operation in operations:
        for mode in modes:

            @settings(
                max_examples=each, deadline=None, database=None, derandomize=True, suppress_health_check=QUIET
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def one(case):
                made = case.as_transport_kwargs(base_url="http://testserver")
                url = made["url"].encode("utf-8", "replace").decode()
                params = {name: str(value) for name, value in (made.get("params") or {}).items()}
                check(send(api, case.method, url, made.get("json"), params=params), seen)

            try:
                one()
            except (schemathesis.errors.SchemathesisError, Unsatisfiable):  # nothing of this kind can be made
                continue


def spoiled(value, dice):
    """The same question with one value replaced, or with one field more or less."""
    value = copy.deepcopy(value)
    at, key = value, None
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = dice.choice(keys)
        if not isinstance(at[key], dict | list) or not at[key] or dice.random() < 0.35:
            break
        at = at[key]
    more = ("extra", "seed", "draws", "ci_prob", "by", "paths", "freq", "window", "start", "stop", "do", "shift")
    if key is None or dice.random() < 0.1:
        value[dice.choice(more)] = dice.choice(NASTY)
    elif dice.random() < 0.1:
        del at[key]
    else:
        at[key] = dice.choice(NASTY)
    return value


def by_hand(api, calls, seen):
    """Send the examples with values that are no numbers, too large, of another type, unknown."""
    dice, spec = random.Random(7), api.get("/openapi.json").json()["paths"]
    shown = [
        (path, example["value"])
        for path, item in spec.items()
        if "post" in item
        for example in item["post"]["requestBody"]["content"]["application/json"]["examples"].values()
    ]
    for _ in range(calls):
        path, question = dice.choice(shown)
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            question = spoiled(question, dice)
        answer = send(api, "POST", path, question)
        check(answer, seen)
        if answer.status_code == 202:
            api.delete(f"/jobs/{answer.json()['job']}")


def fuzz(calls):
    seen: dict[int, int] = {}
    with client(limits={"seconds": 20.0, "job_seconds": 5.0, "jobs": 100_000}) as api:
        generated(api, calls // 2, seen)
        by_hand(api, calls // 2, seen)
        for job in list(api.app.state.service.jobs._jobs):
            api.delete(f"/jobs/{job}")
    return seen


def test_no_question_is_a_fault_of_the_service():
    seen = fuzz(120)
    assert {200, 404, 422} <= set(seen)


@pytest.mark.slow
def test_no_question_of_thousands_is_a_fault_of_the_service():
    seen = fuzz(5_000)
    assert sum(seen.values()) >= 4_500
    assert {200, 404, 422} <= set(seen)


def test_bodies_of_ten_megabytes_are_not_read():
    with client() as api:
        answer = api.post("/predict", content=b'{"plan": "' + b"x" * 10_000_000 + b'"}', headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "BodySizeError")
