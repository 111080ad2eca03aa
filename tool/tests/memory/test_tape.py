"""The tape follows the rules of autograd on sizes that can be counted by hand."""

from __future__ import annotations

import numpy as np

from tool.memory.tape import Tape, constant, per_score, per_token, prune


def totals(points: object) -> np.ndarray:
    return points.stack().sum(axis=1)  # type: ignore[attr-defined]


def test_unsaved_intermediates_die_at_their_last_use() -> None:
    """Two chained operations hold input and output of the one that runs, never all three."""
    tape = Tape()
    x = tape.tensor(per_token(10))
    y = tape.op((x,), per_token(20))
    tape.op((y,), per_token(30))
    points, live = tape.forward(True, given=(x,))
    assert totals(points)[:, 1].tolist() == [20, 50]
    assert live.sum(axis=0)[1] == 30


def test_saved_tensors_stay_for_backward() -> None:
    """What an operation saved is alive when backward starts, and gone when that operation has gone back."""
    tape = Tape()
    x = tape.tensor(per_token(10))
    y = tape.op((x,), per_token(20), saves=(x,))
    tape.op((y,), per_token(30), saves=(y,))
    assert tape.saved().sum(axis=0)[1] == 30
    back = totals(tape.backward(given=(x,)))
    # saved y and the output's gradient; then y's gradient as well; then y is gone and x gets its gradient
    assert back[:, 1].tolist() == [50, 70, 30]


def test_addition_passes_its_gradient_on() -> None:
    """The gradient of a sum is the gradient of both summands: no memory of its own."""
    tape = Tape()
    x, y = tape.tensor(per_token(10)), tape.tensor(per_token(10))
    tape.op((x, y), per_token(10), passes_grad=True)
    assert totals(tape.backward())[:, 1].tolist() == [10, 10]


def test_second_gradient_is_added_and_freed() -> None:
    """A tensor used twice gets two gradients, of which one remains."""
    tape = Tape()
    x = tape.tensor(per_token(8))
    a = tape.op((x,), per_token(8))
    b = tape.op((x,), per_token(8))
    tape.op((a, b), per_token(8), passes_grad=True)
    back = totals(tape.backward())
    assert back[:, 1].max() == 24


def test_bound_variables_live_through_forward_only_and_held_ones_through_backward() -> None:
    """A local variable keeps its tensor to the end of the function, the training loop's to the end of the step."""
    for keep, alive in (("bind", 0.0), ("hold", 20.0)):
        tape = Tape()
        x = tape.tensor(per_token(10))
        y = tape.op((x,), per_token(20))
        getattr(tape, keep)(y)
        tape.op((y,), per_token(30))
        _, live = tape.forward(True, given=(x,))
        assert live.sum(axis=0)[1] == 50
        assert tape.backward(given=(x,)).rows[0].sum(axis=0)[1] == 30 + alive


def test_prune_keeps_every_moment_that_can_be_the_peak() -> None:
    """A moment goes only when another one exceeds it in every coefficient."""
    rows = np.zeros((4, 2, 3))
    rows[0, 0] = constant(5)
    rows[1, 0] = per_token(5)
    rows[2, 0] = per_score(1)
    rows[3, 0] = constant(4)
    kept = {tuple(row.sum(axis=0)) for row in prune(rows)}
    assert kept == {(5, 0, 0), (0, 5, 0), (0, 0, 1)}
