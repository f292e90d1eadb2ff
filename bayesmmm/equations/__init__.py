"""The system of structural equations: what a model is before it meets data.

Knows names, causes, likelihoods and priors; builds the columns of the linear part; checks a system against data; writes
itself as text and as TOML. It does not know how an equation is computed (`engine`) or sampled (`model`).
"""

from bayesmmm.equations.checks import check_system, system_warnings
from bayesmmm.equations.design import design_matrix
from bayesmmm.equations.equation import Equation, Fourier, Parameter
from bayesmmm.equations.equation_priors import sign_of
from bayesmmm.equations.likelihoods import LIKELIHOODS, Likelihood, expected, log_likelihood, observe, to_latent
from bayesmmm.equations.panel import Panel
from bayesmmm.equations.spend_share import for_data
from bayesmmm.equations.system import MMM
from bayesmmm.equations.toml_reader import parse_toml, read_toml
