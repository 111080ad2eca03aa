"""The whole cross product: every model × GPU × task × adapter × standard length, priced in arrays."""

from __future__ import annotations

from tool.generate.matrix.axes import Axes, axes_of
from tool.generate.matrix.merged import Merged, check_matrix
from tool.generate.matrix.parts import Matrix, write_matrix

__all__ = ["Axes", "Matrix", "Merged", "axes_of", "check_matrix", "write_matrix"]
