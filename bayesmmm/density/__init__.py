"""The log posterior density of a system on its data: its free variables, the arrays it reads, its compiled code."""

from bayesmmm.density.blocks import (
    Block,
    LinearPlan,
    blocks,
    collapses,
    is_collapsed,
    linear_plan,
    model_data,
    normal_terms,
    softplus_scale,
)
from bayesmmm.density.nutpie_model import nutpie_model
from bayesmmm.density.program import Program, write_program

__all__ = [
    "Block",
    "LinearPlan",
    "Program",
    "blocks",
    "collapses",
    "is_collapsed",
    "linear_plan",
    "model_data",
    "normal_terms",
    "nutpie_model",
    "softplus_scale",
    "write_program",
]
