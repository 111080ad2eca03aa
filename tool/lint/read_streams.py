"""Whether a script reads its streamed data into memory: what then trains has a length, and the run has an end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

GATHERS = ("list", "tuple", "sorted", "islice", "from_list", "from_pandas")
TRAINS = ("train_dataset", "eval_dataset")
_Loop = ast.For | ast.comprehension


def gathered(tree: ast.Module) -> bool:
    """True where every call with `streaming=True` is walked through by a loop or a list, and no trainer is given it.

    `stream.take(n)` alone has no length either (datasets.IterableDataset): only what is made a list of has.
    """
    nodes = list(ast.walk(tree))
    streams = [node for node in nodes if isinstance(node, ast.Call) and _streams(node)]
    return bool(streams) and all(_is_gathered(stream, nodes) for stream in streams)


def _is_gathered(stream: ast.Call, nodes: list[ast.AST]) -> bool:
    names = _names_of(stream, nodes)
    walked = any(_holds(part, stream, names) for node in nodes for part in _walked(node))
    trained = any(
        isinstance(node, ast.keyword) and node.arg in TRAINS and _is_stream(node.value, stream, names) for node in nodes
    )
    return walked and not trained


def _streams(call: ast.Call) -> bool:
    return any(
        word.arg == "streaming" and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in call.keywords
    )


def _names_of(stream: ast.Call, nodes: list[ast.AST]) -> set[str]:
    """The names that hold the stream, or what its own methods make of it (`take`, `shuffle`, `map`)."""
    names: set[str] = set()
    for _ in range(2):  # a name may be given on before the walk meets where it is made
        for node in nodes:
            if isinstance(node, ast.Assign) and _is_stream(node.value, stream, names):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _is_stream(node: ast.expr, stream: ast.Call, names: set[str]) -> bool:
    """The stream, a name of it, or a chain of methods on either."""
    while node is not stream and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node is stream or (isinstance(node, ast.Name) and node.id in names)


def _walked(node: ast.AST) -> Iterator[ast.expr]:
    """What a node goes through from beginning to end."""
    if isinstance(node, _Loop):
        yield node.iter
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in GATHERS:
        yield from node.args


def _holds(part: ast.expr, stream: ast.Call, names: set[str]) -> bool:
    return any(_is_stream(node, stream, names) for node in ast.walk(part) if isinstance(node, ast.expr))
