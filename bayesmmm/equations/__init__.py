"""The system of structural equations: what a model is before it meets data.

Knows names, causes, likelihoods and priors; builds the columns of the linear part; checks a system against
data; writes itself as text and as TOML. It does not know how an equation is computed (`engine`) or sampled
(`model`).
"""

from bayesmmm.equations.design import design_matrix
from bayesmmm.equations.equation import LIKELIHOODS, Equation, Fourier, Parameter
from bayesmmm.equations.system import MMM

__all__ = ["LIKELIHOODS", "MMM", "Equation", "Fourier", "Parameter", "design_matrix"]
