"""Priors as data: a family, its arguments, its support, its draws, and one table of defaults.

A `Prior` names a PyMC family and its arguments, nothing more. The model builder turns it into a PyMC variable, the
simulator and the printed system read the same record through SciPy, so that a prior can be drawn, drawn from and
written down without building a graph. Densities agree with PyMC's for every family here.

This module does not know which parameter of which equation a prior belongs to, beyond the table of defaults
at the end. It never changes a prior that was given to it.
"""

from bayesmmm.priors.defaults import WIDTHS, Widths, contribution_scales, default_prior
from bayesmmm.priors.families import FAMILIES, FrozenMap
from bayesmmm.priors.prior import LARGEST_SHARE, Prior, check_reach, check_support
