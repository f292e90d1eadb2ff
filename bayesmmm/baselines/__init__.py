"""Simple methods to compare a model with: least squares, two-stage ridge regression, last year's value.

They answer with numbers alone, and each says in `cannot_say` what its numbers do not mean. Regressions are those of
statsmodels and scikit-learn, which are optional (``pip install 'bayesmmm[baselines]'``). Nothing here knows a posterior.
"""

from bayesmmm.baselines.least_squares import least_squares
from bayesmmm.baselines.naive import one_season_before, seasonal_naive
from bayesmmm.baselines.regression import Regression
from bayesmmm.baselines.ridge import two_stage_ridge
