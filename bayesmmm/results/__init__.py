"""A fit: data, system, scales and draws in one record, saved to and loaded from one file.

Reading a fit needs neither PyMC nor a compiler. What the draws mean (effects, forecasts, budgets) is computed
elsewhere; here is only what they are, how far they can be trusted, and how they are summarised.
"""

from bayesmmm.results.convergence import Convergence
from bayesmmm.results.fit import (
    FACTORS,
    Fit,
    check_fit,
    check_one_geo,
    library_versions,
    load,
    prior_and_posterior,
)
from bayesmmm.results.fit_file import FORMAT, GIVEN_SCALES
from bayesmmm.results.no_effect import weak_channels, weak_signs
from bayesmmm.results.predictive import autocorrelation, predictive_check, predictive_table
from bayesmmm.results.summaries import summarise
