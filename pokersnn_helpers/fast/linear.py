"""A linear layer for frames, in most places of which there is nothing."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ..files import compiled
from . import cuda
from .cpu import gather_add, scatter_add, to_csr, transposed


class FrameLinear(nn.Linear):
    """A linear layer for frames: (T, B, polarities, height, width) in, (T, B, outputs) out.

    On the CPU compiled loops add the weights of the inputs that aren't 0, in the same order in
    training, afterwards and in a stream. Gradients with respect to frames reach dense ones only.

    Example:
        >>> FrameLinear(2 * 35 * 35, 100)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 100])
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__(in_features, out_features)  # with a bias: the loops add one

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Multiply what isn't 0 in the frames: few counts are."""
        frames = frames.to(self.weight.dtype)
        if frames.device.type == "cpu" and not frames.requires_grad:
            found = _Sums.apply(self.weight, self.bias, to_csr(frames))
        elif frames.is_sparse:
            found = torch.sparse.mm(cuda.flat(frames), self.weight.t()) + self.bias
        else:
            return super().forward(frames.flatten(2))
        return found.unflatten(0, frames.shape[:2])

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a copy of the weights, (inputs, outputs), and the bias."""
        return transposed(self.weight).numpy(), self.bias.detach().clone().numpy()


def sums(csr: list[np.ndarray], weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Multiply rows of inputs, as ``to_csr`` lists them, by weights; return (rows, outputs)."""
    found = np.empty((len(csr[0]) - 1, len(bias)), weights.dtype)
    _add_inputs(*csr, weights, bias, found)
    return found


class _Sums(torch.autograd.Function):
    """``sums`` with gradients with respect to weights (outputs, inputs) and bias."""

    @staticmethod
    def forward(
        ctx: Any, weight: torch.Tensor, bias: torch.Tensor, csr: list[np.ndarray]
    ) -> torch.Tensor:
        ctx.csr, ctx.inputs = csr, weight.shape[1]
        return torch.from_numpy(sums(csr, transposed(weight).numpy(), bias.numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        grad_weight_t = grad.new_zeros(ctx.inputs, grad.shape[1])
        _add_gradients(*ctx.csr, grad.contiguous().numpy(), grad_weight_t.numpy())
        return transposed(grad_weight_t), grad.sum(0), None


@partial(compiled, contract=False)
def _add_inputs(indptr, indices, counts, weights, bias, found):
    for row in range(len(found)):
        found[row] = 0
        gather_add(found[row], weights, indices, counts, indptr[row], indptr[row + 1])
        found[row] += bias


@compiled
def _add_gradients(indptr, indices, counts, grad, grad_weights):
    for row in range(len(grad)):
        scatter_add(grad_weights, indices, counts, indptr[row], indptr[row + 1], grad[row])
