"""Questions that nobody asked, so that what is compiled once is there before somebody waits for it."""

from bayesmmm.errors import BayesMMMError
from bayesmmm.serve import questions
from bayesmmm.serve.answers import Answers
from bayesmmm.serve.library import Library, current_plan
from bayesmmm.serve.limits import Limits


def warm(library: Library, limits: Limits) -> None:
    """Ask every fit each kind of question once, in as few draws as there are chains."""
    answers = Answers(library, limits)
    for served in library:
        few = {"fit": served.id, "draws": int(served.fit.posterior.sizes["chain"])}
        try:
            planned = few | {"plan": current_plan(served, 1)["rows"]}
            factor = dict.fromkeys(served.fit.system.channels[:1], 1.1)
            for asked in (few, planned):
                answers.predict(questions.Predict(**asked))
                answers.what_if(questions.WhatIf(**asked, scale=factor))
                answers.effects(questions.Effects(**asked))
                answers.curves(questions.Curves(**asked, factors=[0.5]))
            answers.decompose(questions.Decompose(**few))
        except BayesMMMError:
            continue  # said to who asks
