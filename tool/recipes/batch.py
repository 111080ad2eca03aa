"""Effective batch = per device × accumulation × data-parallel ranks; whatever two of the figures imply the third."""

from __future__ import annotations

from tool.recipes.draft import BadValue, Draft


def batch_of(draft: Draft) -> tuple[int | None, int | None, int | None]:
    """(per device, accumulation, effective), None for what nobody said.

    Where only a global batch is given, accumulation is what the ranks have to make up. Ranks that nobody counted are
    taken as one. Raises BadValue for figures that contradict each other.
    """
    if draft.global_batch is None:
        return _from_parts(draft)
    return _from_global(draft, draft.global_batch)


def _from_parts(draft: Draft) -> tuple[int | None, int | None, int | None]:
    micro, accumulation = draft.micro_batch, draft.accumulation
    if micro is None:
        return None, accumulation, None
    ranks = draft.data_parallel or draft.gpus or 1
    return micro, accumulation, micro * (accumulation or 1) * ranks


def _from_global(draft: Draft, whole: int) -> tuple[int | None, int | None, int | None]:
    micro, accumulation = draft.micro_batch, draft.accumulation
    if micro is None:
        return None, accumulation, whole
    if accumulation is None:
        if micro > whole and draft.objective != "grpo":
            raise _contradiction(f"{micro} per device is more than the global batch of {whole}")
        if draft.data_parallel:
            accumulation = max(1, whole // (micro * draft.data_parallel))
        return micro, accumulation, whole
    ranks = draft.data_parallel or draft.gpus
    product = micro * accumulation * (ranks or 1)
    if (ranks and product != whole) or whole % (micro * accumulation):
        shown = f"{micro} per device × {accumulation} accumulation × {ranks or 'n'} ranks"
        raise _contradiction(f"{shown} does not make the global batch of {whole}")
    return micro, accumulation, whole


def _contradiction(message: str) -> BadValue:
    return BadValue("global_batch_size", f"contradicts the other batch figures: {message}", "correct one of them")
