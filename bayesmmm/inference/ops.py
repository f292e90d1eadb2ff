"""PyTensor Ops around the kernels, so that a PyMC model runs exactly the code that every other answer runs.

The graph of a model stays small on purpose: where PyMC itself samples, compilation is most of the wait. Each Op
computes its value and what its gradient needs in one call; the gradient graph only scales those outputs.
Nothing is known here of equations, priors or data.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from bayesmmm import kernels
from bayesmmm.kernels.compile import SOURCE
from bayesmmm.kernels.panel import collapsed_panel
from bayesmmm.kernels.panel_weighted import collapsed_weighted

__all__ = [
    "CollapsedNormal",
    "CollapsedPanel",
    "CollapsedWeighted",
    "ExplicitLikelihood",
    "MediaResponse",
    "media_response",
]


# Number that changes with this file and the source of the kernels: compiled graphs on disk carry it in their key.
_VERSION = int(sha256(Path(__file__).read_bytes()).hexdigest()[:12], 16) ^ SOURCE


class _KernelOp(Op):
    """Op whose value is one function of arrays, in Python as in compiled graphs."""

    #: Types of the outputs.
    gives: ClassVar[tuple[Callable[[], Any], ...]]

    def make_node(self, *inputs):
        return Apply(self, [pt.as_tensor_variable(i) for i in inputs], [kind() for kind in self.gives])

    def function(self) -> Callable[..., tuple]:
        raise NotImplementedError

    def perform(self, node, inputs, outputs):
        for store, value in zip(outputs, self.function()(*inputs), strict=True):
            store[0] = value


class MediaResponse(_KernelOp):
    """Media term of one equation over the fitted periods, `kernels.media_basis`.

    Inputs: x (G, C, T), days (C, 1 or T), carry_in (G, C), retention (C,), half_saturation (C,), slope (C,),
    contribution (G, C).
    Outputs: media (G, T) and three work arrays (G, C, T) that only the gradient reads.

    Parameters
    ----------
    max_lag : int, optional
        Greatest adstock lag kept, or -1 for no truncation.
    """

    __props__ = ("max_lag",)
    gives = (pt.dmatrix, pt.dtensor3, pt.dtensor3, pt.dtensor3)

    def __init__(self, max_lag: int = -1):
        self.max_lag = max_lag

    def function(self):  # noqa: D102
        max_lag = self.max_lag

        def media(x, days, carry_in, retention, half_saturation, slope, contribution):
            return kernels.media_basis(x, days, carry_in, retention, half_saturation, slope, contribution, max_lag)

        return media

    def infer_shape(self, node, shapes):  # noqa: D102
        g, c, t = shapes[0]
        return [(g, t), (g, c, t), (g, c, t), (g, c, t)]

    def pullback(self, inputs, outputs, cotangents):  # noqa: D102
        grads = MediaResponseVJP()(*outputs[1:], *inputs[4:], cotangents[0])
        return [disconnected_type(), disconnected_type(), disconnected_type(), *grads]

    def connection_pattern(self, node):  # noqa: D102
        return [[False] * 4] * 3 + [[True, False, False, False]] * 4


class MediaResponseVJP(_KernelOp):
    """Gradient of `MediaResponse` with respect to its parameters, `kernels.media_basis_vjp`."""

    __props__ = ()
    gives = (pt.dvector, pt.dvector, pt.dvector, pt.dmatrix)

    def function(self):
        def media_vjp(share, log_ratio, log_decay, half_saturation, slope, contribution, cotangent):
            return kernels.media_basis_vjp(
                share, log_ratio, log_decay, half_saturation, slope, contribution, cotangent
            )

        return media_vjp


class _Density(_KernelOp):
    """Op whose first output is a scalar log density and whose other outputs are its derivatives."""

    #: Positions of the inputs that have a derivative, in the order of the outputs after the first.
    wrt: ClassVar[tuple[int, ...]]

    def pullback(self, inputs, outputs, cotangents):
        if any(not isinstance(c.type, DisconnectedType) for c in cotangents[1:]):
            raise NotImplementedError(f"{type(self).__name__} has no second derivative")
        grads = [disconnected_type() for _ in inputs]
        for position, derivative in zip(self.wrt, outputs[1:], strict=True):
            grads[position] = cotangents[0] * derivative
        return grads

    def connection_pattern(self, node):
        n_out = 1 + len(self.wrt)
        return [[i in self.wrt] + [False] * (n_out - 1) for i in range(len(node.inputs))]


class CollapsedNormal(_Density):
    """Normal log density with the linear coefficients integrated out, `kernels.collapsed_normal`.

    Inputs: y (G, T), media (G, T), sigma (), basis (p, G * T), variance (p,).
    Outputs: log density and its derivatives with respect to media and sigma.
    """

    __props__ = ()
    gives = (pt.dscalar, pt.dmatrix, pt.dscalar)
    wrt = (1, 2)

    def function(self):  # noqa: D102
        def collapsed(y, media, sigma, basis, variance):
            logp, d_media, d_sigma = kernels.collapsed_normal(
                y.ravel(), media.ravel(), sigma.item(), basis, variance
            )
            return np.asarray(logp), d_media.reshape(y.shape), np.asarray(d_sigma)

        return collapsed


class CollapsedPanel(_Density):
    """Normal log density of a panel with coefficients and period effects integrated out, `kernels.panel`.

    Inputs: y (G, T), media (G, T), sigma (), omega () and the arrays of `kernels.panel.collapsed_panel` from ``own`` on.
    Outputs: log density and its derivatives with respect to media, sigma and omega.
    """

    __props__ = ()
    gives = (pt.dscalar, pt.dmatrix, pt.dscalar, pt.dscalar)
    wrt = (1, 2, 3)

    def function(self):  # noqa: D102
        def collapsed(y, media, sigma, omega, own, calendar, wide, totals, norm, gram, by_period, between, cross):
            logp, d_media, d_sigma, d_omega = collapsed_panel(
                np.ascontiguousarray(y.T),
                np.ascontiguousarray(media.T),
                sigma.item(),
                omega.item(),
                own,
                calendar,
                wide,
                totals,
                norm,
                gram,
                by_period,
                between,
                cross,
            )
            return np.asarray(logp), np.ascontiguousarray(d_media.T), np.asarray(d_sigma), np.asarray(d_omega)

        return collapsed


class CollapsedWeighted(_Density):
    """`CollapsedPanel` where cells do not weigh alike, `kernels.panel_weighted`.

    Inputs: y (G, T), media (G, T), sigma (G,), omega () and the arrays of `collapsed_weighted` from ``seen`` on.
    Outputs: log density and its derivatives with respect to media, sigma and omega.
    """

    __props__ = ()
    gives = (pt.dscalar, pt.dmatrix, pt.dvector, pt.dscalar)
    wrt = (1, 2, 3)

    def function(self):  # noqa: D102
        def collapsed(y, media, sigma, omega, seen, own, shared, gram):
            logp, d_media, d_sigma, d_omega = collapsed_weighted(
                np.ascontiguousarray(y.T),
                np.ascontiguousarray(media.T),
                sigma,
                omega.item(),
                seen,
                own,
                shared,
                gram,
            )
            return np.asarray(logp), np.ascontiguousarray(d_media.T), d_sigma, np.asarray(d_omega)

        return collapsed


class ExplicitLikelihood(_Density):
    """Log density given every linear coefficient: mu = media + W b.

    Inputs: y (G, T), media (G, T), design (K, G * T), coefficient (K,), sigma (), nu ().
    Outputs: log density and its derivatives with respect to media, coefficient, sigma and nu (0 without nu).

    Parameters
    ----------
    density : int
        As `bayesmmm.kernels.likelihood` numbers them.
    """

    __props__ = ("density",)
    gives = (pt.dscalar, pt.dmatrix, pt.dvector, pt.dscalar, pt.dscalar)
    wrt = (1, 3, 4, 5)

    def __init__(self, density: int):
        self.density = density

    def function(self):  # noqa: D102
        density = self.density

        def explicit(y, media, design, coefficient, sigma, nu):
            logp, d_media, d_coefficient, d_sigma, d_nu = kernels.explicit(
                density, y.ravel(), media.ravel(), design, coefficient, sigma.item(), nu.item()
            )
            d_media = d_media.reshape(y.shape)
            return np.asarray(logp), d_media, d_coefficient, np.asarray(d_sigma), np.asarray(d_nu)

        return explicit


def media_response(x, days, carry_in, retention, half_saturation, slope, contribution, *, max_lag=-1):
    """Media term (G, T) of an equation, as a PyTensor variable; arguments as in `MediaResponse`."""
    return MediaResponse(max_lag)(x, days, carry_in, retention, half_saturation, slope, contribution)[0]


@register_funcify_default_op_cache_key(_KernelOp)
def _numba(op, node, **kwargs):
    return numba_njit(op.function()), _VERSION
