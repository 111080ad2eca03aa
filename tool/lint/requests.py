"""A file's fields → a request of ours."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


def valid(kind: type[T], fields: dict[str, Any]) -> T:
    """The request without what the file does not say, and without values that cannot be: other rules tell those."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        wrong = {str(part) for fault in error.errors() for part in fault["loc"][:1]}
        return kind.model_validate({name: value for name, value in given.items() if name not in wrong})
