"""Typed variables → protobuf message types, so that a misspelt field fails when a policy is loaded.

Single values become the nullable wrapper types: a value that is missing is null, never zero or false.
"""

from __future__ import annotations

import types
import typing
from functools import lru_cache
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import Message  # type: ignore[import-untyped]

from tool.policy.variables import KINDS, Variable

PACKAGE = "ftc"
_WRAPPERS: dict[type, str] = {bool: "BoolValue", int: "Int64Value", float: "DoubleValue", str: "StringValue"}
_Field = descriptor_pb2.FieldDescriptorProto


def _single(annotation: Any) -> Any:
    """`X | None` → X."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return next(part for part in typing.get_args(annotation) if part is not type(None))
    return annotation


def _type_name(annotation: Any) -> str:
    if annotation in _WRAPPERS:
        return f".google.protobuf.{_WRAPPERS[annotation]}"
    if isinstance(annotation, type) and issubclass(annotation, Variable):
        return f".{PACKAGE}.{annotation.__name__}"
    raise TypeError(f"a policy variable cannot be of type {annotation!r}")


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, annotation: Any) -> None:
    """Add one field: a value, a list or a map with string keys."""
    annotation = _single(annotation)
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    field = message.field.add(name=name, number=len(message.field) + 1, type=_Field.TYPE_MESSAGE)
    field.label = _Field.LABEL_REPEATED if origin in (list, dict) else _Field.LABEL_OPTIONAL
    if origin is dict:
        entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
        value = entry.field.add(name="value", number=2, type=_Field.TYPE_MESSAGE, label=_Field.LABEL_OPTIONAL)
        value.type_name = _type_name(inner[1])
        field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
    else:
        field.type_name = _type_name(inner[0] if origin is list else annotation)


def _variables(record: type[Variable], found: dict[str, type[Variable]]) -> None:
    """Collect a variable's message and those inside it."""
    found[record.__name__] = record
    for field in record.model_fields.values():
        annotation = _single(field.annotation)
        for part in (annotation, *typing.get_args(annotation)):
            if isinstance(part, type) and issubclass(part, Variable) and part.__name__ not in found:
                _variables(part, found)


def _file(name: str) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name=name, package=PACKAGE, syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    return file


def new_pool() -> descriptor_pool.DescriptorPool:
    """A pool with the messages of every kind."""
    pool = descriptor_pool.DescriptorPool()
    for module in (wrappers_pb2, struct_pb2, timestamp_pb2, duration_pb2):
        well_known = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(well_known)
        pool.Add(well_known)
    found: dict[str, type[Variable]] = {}
    for signature in KINDS.values():
        for record in signature.variables.values():
            _variables(record, found)
    file = _file("variables.proto")
    for name in sorted(found):
        message = file.message_type.add(name=name)
        for field_name, field in found[name].model_fields.items():
            _add_field(message, field.alias or field_name, field.annotation)
    pool.Add(file)
    return pool


def parameter_type(value: Any) -> Any:
    """The Python type of a parameter: a value, a list or a map of one kind. Raises ValueError otherwise."""
    if type(value) in _WRAPPERS:
        return type(value)
    if isinstance(value, (list, tuple, dict)) and value:
        kinds = {type(part) for part in (value.values() if isinstance(value, dict) else value)}
        kinds = {float} if kinds == {int, float} else kinds
        if len(kinds) == 1 and kinds <= set(_WRAPPERS):
            kind = kinds.pop()
            return dict.__class_getitem__((str, kind)) if isinstance(value, dict) else list.__class_getitem__(kind)
    raise ValueError("must be a number, a text, true or false, or a list or map of one of these")


def add_parameters(pool: descriptor_pool.DescriptorPool, name: str, params: dict[str, Any]) -> None:
    """Add the message of one policy's params. Raises ValueError naming the parameter that has no type."""
    file = _file(f"{name}.proto")
    message = file.message_type.add(name=name)
    for key in sorted(params):
        try:
            _add_field(message, key, parameter_type(params[key]))
        except ValueError as error:
            raise ValueError(f"params.{key} {error}") from None
    pool.Add(file)


@lru_cache(maxsize=512)
def _message_class(pool: descriptor_pool.DescriptorPool, name: str) -> type[Message]:
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
    return found


def message(pool: descriptor_pool.DescriptorPool, name: str, values: dict[str, Any]) -> Message:
    """Values → message. Raises ValueError for a field or a type that the message lacks."""
    from google.protobuf import json_format

    try:
        return json_format.ParseDict(values, _message_class(pool, name)())
    except (json_format.ParseError, TypeError) as error:
        raise ValueError(str(error)) from None
