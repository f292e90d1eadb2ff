"""The compiled density in the form that nutpie samples."""

import numpy as np

from bayesmmm.inference.program import Program
from bayesmmm.kernels.posterior import constrained_address, log_posterior_address


def nutpie_model(program: Program):
    """The compiled density as a model that nutpie samples."""
    from nutpie.compile_pymc import CompiledPyMCModel

    names = [block.variable for block in program.blocks]
    shapes = [(len(block.labels),) if block.dim else () for block in program.blocks]
    ends = np.cumsum([len(block.labels) or 1 for block in program.blocks])
    slices = [slice(end - (len(b.labels) or 1), end) for end, b in zip(ends, program.blocks, strict=True)]
    size = len(program.start)
    return CompiledPyMCModel(
        dims={block.variable: (block.dim,) for block in program.blocks if block.dim},
        _coords={block.dim: list(block.labels) for block in program.blocks if block.dim},
        compiled_logp_func=log_posterior_address,
        compiled_expand_func=constrained_address,
        initial_point_func=lambda seed: program.start + np.random.default_rng(seed).uniform(-1.0, 1.0, size),
        shared_data={},
        shared_var_keys={},
        user_data=program.array,
        n_expanded=size,
        shape_info=(names, slices, shapes),
        logp_func=None,
        expand_func=None,
        _n_dim=size,
        _shapes=dict(zip(names, shapes, strict=True)),
        reparameterized_names=[],
    )
