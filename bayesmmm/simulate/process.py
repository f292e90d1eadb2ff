"""A process of structural equations that need not be one that the package can fit.

The equations of a system, plus what the fitted equations leave out: residuals of any kind (correlated between
equations, persistent, heavy-tailed, with shocks or unobserved demand in them), effects that drift over time, carry-over
of any shape. It can be run again with columns set, which is how the truth about it is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from bayesmmm import engine
from bayesmmm.data import MMMData, Scales
from bayesmmm.engine.inputs import media_inputs
from bayesmmm.equations import MMM, Equation, design_matrix, observe

# Half-life in days at which nothing is kept from one period to the next.
_NONE_KEPT = 1e-9


@dataclass(frozen=True, eq=False)
class Process:
    """Equations with everything that makes their series, residuals included.

    For equation v with residual e_v, drift g_c and carry-over of channel c::

        v_t / s_v = W_t . b + sum_c g_ct A_c hill(a_ct) + e_vt

    Attributes
    ----------
    system : MMM
        The equations of the process; those that an analyst fits may differ.
    data : MMMData
        One national series. Spend and controls as they are; the columns that the equations explain are not read.
    scales : Scales
        Frozen scales: s_v and the units of spend.
    parameters : mapping
        As in `simulate_world`, one draw.
    residual : mapping of str to (T,) array
        Equation -> what its terms do not explain, in shares of s_v.
    amplitude : mapping of str to (1, 1, C) array
        Equation -> A_c, by channel. Without it the amplitudes give each channel its ``contribution`` in this very run.
    drift : mapping of (str, str) to (T,) array
        (Equation, channel) -> g_c; 1 for those that are not named.
    lags : mapping of (str, str) to (L,) array
        (Equation, channel) -> weights of this week's spend and of spend 1, 2, ... weeks ago, in place of the geometric
        ones.
    """

    system: MMM
    data: MMMData
    scales: Scales
    parameters: engine.Parameters
    residual: Mapping[str, np.ndarray]
    amplitude: Mapping[str, np.ndarray] = field(default_factory=dict)
    drift: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    lags: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def series(self, do: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the equations in causal order with the columns of `do` set.

        Parameters
        ----------
        do : mapping of str to (1, T) array
            Columns set by intervention, in their units. Setting a mediator cuts what drives it.

        Returns
        -------
        dict of str to (1, T) array
            Every endogenous series in the units of its column.
        """
        columns, out = {**self.data.columns, **do}, {}
        for name in self.system.order:
            if name not in do:
                columns[name] = self._one(self.system.equation(name), columns)
            out[name] = columns[name]
        return out

    def frozen(self) -> Self:
        """Return the process with the amplitudes of this very run, to be kept whatever is changed later."""
        columns, amplitude = {**self.data.columns, **self.series({})}, {}
        for name in self.system.order:
            equation = self.system.equation(name)
            _, amplitude[name] = self._terms(equation, *self._media(equation, columns))
        return replace(self, amplitude=amplitude)

    def _one(self, equation: Equation, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        design = design_matrix(equation, self.data.dates, columns, self.scales, geos=1)[0]
        latent = design @ self.parameters[equation.name]["coefficient"][0] + self.residual[equation.name]
        if equation.media:
            media, par = self._media(equation, columns)
            for channel, part in zip(equation.media, self._terms(equation, media, par)[0][0, 0], strict=True):
                latent = latent + self.drift.get((equation.name, channel), 1.0) * part
        return observe(equation, latent[None], self.scales)

    def _media(self, equation: Equation, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict]:
        """Media inputs (1, C, T), and parameters under which they are carried over once and not twice."""
        media, par = media_inputs(equation, columns, self.scales), dict(self.parameters[equation.name])
        for i, channel in enumerate(equation.media):
            weights = self.lags.get((equation.name, channel))
            if weights is not None:
                media[0, i] = np.convolve(media[0, i], weights)[: media.shape[-1]]
                par["half_life"] = np.where(np.arange(len(equation.media)) == i, _NONE_KEPT, par["half_life"])
        return media, par

    def _terms(
        self, equation: Equation, media: np.ndarray, par: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        return engine.media_term(equation, media, par, self.data.calendar, self.amplitude.get(equation.name))
