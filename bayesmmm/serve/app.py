"""The service: routes, and the threads that answer."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import Annotated, Any

import anyio
from fastapi import Body, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from bayesmmm.errors import BayesMMMError, BusyError
from bayesmmm.files import digest
from bayesmmm.serve import forms, questions
from bayesmmm.serve.answers import Answers
from bayesmmm.serve.examples import examples
from bayesmmm.serve.failures import failure_of, said, sentence_of, status_of
from bayesmmm.serve.jobs import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Jobs
from bayesmmm.serve.library import Library, current_plan, description, observed, summary
from bayesmmm.serve.limits import Limits
from bayesmmm.serve.middleware import Entrance, Metrics, as_json
from bayesmmm.serve.planning import check_question, optimize
from bayesmmm.serve.reports import report_page
from bayesmmm.serve.timing import in_time
from bayesmmm.serve.workbook import workbook_of
from bayesmmm.validate import check_count

_ABOUT = """\
Answers about saved fits of marketing-mix models. Every answer carries the verdict on the sampler, the probability of its
intervals, units, seed and draws; numbers without a meaning are null. The same question has the same answer, in Python as
well. Every error has a code, a sentence, and the field that has to change.
"""
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": forms.Failure, "description": text}
    for status, text in {
        400: "The body is no JSON.",
        401: "The token is missing or wrong.",
        404: "There is no such fit or job.",
        409: "The sampler of the fit failed.",
        413: "The question is too large.",
        415: "The question is no JSON.",
        422: "The question cannot be answered as it is put.",
        503: "There is too much to do, or the answer took too long.",
    }.items()
}
_ROUTES = (
    ("predict", questions.Predict, forms.Series, "Predict every series over a plan or the fitted periods"),
    ("what_if", questions.WhatIf, forms.Comparison, "Compare a scenario with what happened, or with a plan"),
    ("effects", questions.Effects, forms.Answer, "Total, direct and mediated effects of channels"),
    ("roi", questions.Roi, forms.Answer, "Return on spend"),
    ("curves", questions.Curves, forms.Answer, "Response to more or less spend"),
    ("decompose", questions.Decompose, forms.Answer, "Parts of a series that add up"),
)


class Service:
    """What the routes of a service share."""

    def __init__(self, library: Library, limits: Limits) -> None:
        self.answers, self.limits = Answers(library, limits), limits
        self.jobs, self.metrics = Jobs(limits), Metrics()
        self.metrics.fits.set(len(list(library)))
        self._turns: anyio.CapacityLimiter | None = None

    async def work(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        """Work an answer out in a thread, within its time."""
        if self._turns is None:
            self._turns = anyio.CapacityLimiter(self.limits.at_once)
        if self._turns.statistics().tasks_waiting >= self.limits.waiting:
            raise BusyError(f"{self.limits.waiting} questions wait already; ask again in a moment")
        todo = partial(in_time, self.limits.seconds, ask, *arguments)
        return await anyio.to_thread.run_sync(todo, limiter=self._turns)


def make_app(library: Library, *, limits: Limits | None = None, token: str | None = None) -> FastAPI:
    """Return the service over some fits as an ASGI application.

    Parameters
    ----------
    library : Library
    limits : Limits, optional
    token : str, optional
        Shared secret that every request about a fit has to carry.
    """
    service = Service(library, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await anyio.to_thread.run_sync(service.jobs.close)

    app = FastAPI(
        title="bayesmmm",
        version=version("bayesmmm"),
        description=_ABOUT,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=_FAILURES,
    )
    app.state.service = service
    app.add_middleware(Entrance, body=service.limits.body, token=token, metrics=service.metrics)
    _add_failures(app)
    _add_page(app)
    _add_fits(app, service)
    shown = examples(next(iter(library)))
    for name, kind, form, text in _ROUTES:
        _add_question(app, service, name, kind, form, text, shown[name])
    _add_workbook(app, service, shown["what_if"])
    _add_jobs(app, service, shown)
    return app


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(BayesMMMError)
    async def refused(_: Request, error: BayesMMMError) -> Response:
        status = status_of(error)
        return as_json(failure_of(error), status, **({"Retry-After": "1"} if status == 503 else {}))

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        sentence, field = sentence_of(error.errors()[0])
        return as_json(said("QuestionError", sentence, field), 422)

    @app.exception_handler(HTTPException)
    async def nowhere(_: Request, error: HTTPException) -> Response:
        code = {400: "QuestionError", 404: "UnknownPathError", 405: "MethodError"}.get(
            error.status_code, "HTTPError"
        )
        text = {
            400: "the body is no JSON that can be read; send an object of fields",
            404: "there is nothing at this address; see /openapi.json",
            405: "this address is not asked with this method; see /openapi.json",
        }
        sentence = text.get(error.status_code, "the request cannot be read")
        return as_json(said(code, sentence), error.status_code, **(error.headers or {}))


def _add_page(app: FastAPI) -> None:
    folder = files("bayesmmm.serve") / "static"
    app.mount("/static", StaticFiles(directory=str(folder)), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse((folder / "index.html").read_text(encoding="utf-8"))


def _add_fits(app: FastAPI, service: Service) -> None:
    library = service.answers.library

    @app.get("/health", summary="Whether the service answers", tags=["service"])
    async def health() -> Response:
        return as_json({"status": "ok", "version": version("bayesmmm"), "fits": len(list(library))})

    @app.get("/metrics", summary="Numbers for Prometheus", tags=["service"], response_class=Response)
    async def metrics() -> Response:
        for status in (QUEUED, RUNNING, DONE, FAILED, CANCELLED):
            service.metrics.jobs.labels(status).set(service.jobs.counted(status))
        return Response(generate_latest(service.metrics.registry), media_type="text/plain; version=0.0.4")

    @app.get("/fits", summary="Fits that are served", tags=["fits"])
    async def fits() -> Response:
        return as_json({"fits": [summary(each) for each in library]})

    @app.get(
        "/fits/{fit}", summary="Equations, channels, units, periods, verdict and versions of a fit", tags=["fits"]
    )
    async def one(fit: str) -> Response:
        return as_json(await service.work(description, library[fit]))

    @app.get("/fits/{fit}/plan", summary="The last periods once more, as rows of a plan", tags=["fits"])
    async def plan(fit: str, periods: int = 13) -> Response:
        most = min(len(library[fit].fit.data.dates), service.limits.rows)
        check_count(periods, "periods", most=most, advice="as periods=13")
        return as_json(await service.work(current_plan, library[fit], periods))

    @app.get("/fits/{fit}/history", summary="The fitted periods, as rows", tags=["fits"])
    async def history(fit: str) -> Response:
        return as_json(await service.work(observed, library[fit]))


def _add_question(app: FastAPI, service: Service, name: str, kind: Any, form: Any, text: str, shown: Any) -> None:
    async def route(question: Any) -> Response:
        return as_json(await service.work(getattr(service.answers, name), question))

    route.__annotations__["question"] = Annotated[kind, Body(openapi_examples=shown)]
    route.__name__ = name
    path = {"what_if": "/whatif"}.get(name, f"/{name}")
    app.post(path, summary=text, tags=["answers"], responses={200: {"model": form}})(route)


def _add_workbook(app: FastAPI, service: Service, shown: Any) -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    @app.post("/workbook", summary="A scenario as an .xlsx file", tags=["answers"], response_class=Response)
    async def workbook(question: Annotated[questions.WhatIf, Body(openapi_examples=shown)]) -> Response:
        def content() -> bytes:
            return workbook_of(service.answers.what_if(question))

        return Response(await service.work(content), media_type=kind)


def _add_jobs(app: FastAPI, service: Service, shown: dict[str, Any]) -> None:
    def begin(kind: str, question: Any, work: Callable[[Callable[[str], None]], Any]) -> Response:
        served = service.answers.library[question.fit]
        asked = json.dumps(question.model_dump(exclude={"fit"}), sort_keys=True, default=str)
        job = service.jobs.start(digest(served.stamp, served.id, kind, asked), kind, work)
        return as_json(job.said(), 202, Location=f"/jobs/{job.id}")

    started: dict[int | str, dict[str, Any]] = {202: {"model": forms.Task, "description": "The job has begun."}}

    @app.post("/optimize", status_code=202, summary="Find the best plan", tags=["jobs"], responses=started)
    async def best(question: Annotated[questions.Optimize, Body(openapi_examples=shown["optimize"])]) -> Response:
        await service.work(check_question, service.answers, question)
        return begin("optimize", question, lambda tell: optimize(service.answers, question, tell))

    @app.post("/report", status_code=202, summary="Write the report of a window", tags=["jobs"], responses=started)
    async def report(question: Annotated[questions.Report, Body(openapi_examples=shown["report"])]) -> Response:
        service.answers.fit_of(question)
        return begin("report", question, lambda tell: report_page(service.answers, question, tell))

    @app.get("/jobs/{job}", summary="How a job stands", tags=["jobs"], responses={200: {"model": forms.Task}})
    async def stand(job: str) -> Response:
        return as_json(service.jobs[job].said())

    @app.get(
        "/jobs/{job}/result", summary="The answer of a job that is done", tags=["jobs"], response_class=Response
    )
    async def result(job: str) -> Response:
        found = service.jobs[job]
        if found.status != DONE:
            if found.error is not None:
                return as_json(found.error, 422 if found.status == FAILED else 404)
            return as_json(found.said(), 202)
        return HTMLResponse(found.result) if found.kind == "report" else as_json(found.result)

    @app.delete("/jobs/{job}", summary="Cancel a job", tags=["jobs"], responses={200: {"model": forms.Task}})
    async def cancel(job: str) -> Response:
        return as_json(service.jobs.cancel(job).said())
