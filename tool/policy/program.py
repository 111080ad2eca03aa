"""A policy compiled to CEL: conditions first, then each validation, each with an outcome that says why."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from tool.errors import Fault, InputFaults, did_you_mean
from tool.load.yaml_file import YamlFile
from tool.policy.expression import ExpressionFault, Result, absent, compile_expression, evaluate, references
from tool.policy.messages import add_parameters, message, new_pool
from tool.policy.policies import Outcome
from tool.policy.variables import KINDS
from tool.schema.policy import Policy, Status, Validation


class Compiler:
    """Compiles policies; they share one pool of message types."""

    def __init__(self) -> None:
        self.pool = new_pool()

    def _environment(self, policy: Policy) -> tuple[Any, dict[str, str]]:
        """The CEL environment of one policy, and the message type of each variable. Raises ValueError."""
        from cel_expr_python import cel
        from cel_expr_python.ext import ext_bindings, ext_math, ext_optional, ext_strings

        parameters = "Params_" + policy.id.replace("-", "_")
        add_parameters(self.pool, parameters, policy.params)
        names = {name: record.__name__ for name, record in KINDS[policy.match.kind].variables.items()}
        names["params"] = parameters
        variables = {name: cel.Type(f"ftc.{type_name}") for name, type_name in names.items()}
        extensions = [
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
            ext_math.ExtMath(),
            ext_bindings.ExtBindings(),
        ]
        variables["now"] = cel.Type.TIMESTAMP
        return cel.NewEnv(self.pool, variables=variables, extensions=extensions), names

    def compile(self, policy: Policy, file: YamlFile) -> Program:
        """Compile one policy. Raises InputFaults with every expression that does not compile."""
        try:
            environment, types = self._environment(policy)
        except ValueError as error:
            line = file.line_of(("params",))
            raise InputFaults([Fault(file.path, line, "params", str(error), "give each value one type")]) from None
        program = Program(policy, types, self.pool)
        faults: list[Fault] = []
        for field, text, returns in _expressions(policy):
            try:
                program.compiled[text] = compile_expression(environment, text, returns)
            except ExpressionFault as error:
                name = ".".join(str(part) for part in field)
                mend = _mend(str(error), policy)
                faults.append(Fault(file.path, file.line_of(field), name, f"does not compile: {error}", mend))
        if faults:
            raise InputFaults(faults)
        return program


def _expressions(policy: Policy) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Every expression of a policy: where it is, its text, and what it must yield."""
    found: list[tuple[tuple[str | int, ...], str, str]] = []
    for index, condition in enumerate(policy.match.conditions):
        found.append((("match", "conditions", index, "expression"), condition.expression, "bool"))
    for index, validation in enumerate(policy.validations):
        found.append((("validations", index, "expression"), validation.expression, "bool"))
        if validation.message_expression is not None:
            found.append((("validations", index, "message_expression"), validation.message_expression, "string"))
    return found


def _mend(problem: str, policy: Policy) -> str:
    """The nearest field that exists, for a field that does not."""
    unknown = re.search(r"undefined field '(\w+)' not found in struct 'ftc\.(\w+)'", problem)
    if not unknown:
        return "mend the expression"
    records = {record.__name__: record for record in KINDS[policy.match.kind].variables.values()}
    record = records.get(unknown[2])
    names = [field.alias or name for name, field in record.model_fields.items()] if record else list(policy.params)
    return did_you_mean(unknown[1], names, f"known: {', '.join(sorted(names))}")


def _finite(value: Any) -> Any:
    """NaN and infinity are no data: they become null, which is missing."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Program:
    """A compiled policy."""

    def __init__(self, policy: Policy, types: dict[str, str], pool: Any) -> None:
        self.policy, self._types, self._pool = policy, types, pool
        self.compiled: dict[str, Any] = {}
        self._paths: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._params = message(pool, types["params"], policy.params)

    def _evaluate(self, text: str, data: dict[str, Any], activation: dict[str, Any]) -> Result:
        """Evaluate one expression; what it needs and lacks comes back as missing, before CEL sees it."""
        if text not in self._paths:
            self._paths[text] = references(text, tuple(self._types))
        lacking = [".".join(path) for path in self._paths[text] if absent(path, data)]
        if lacking:
            return Result(problem=f"{', '.join(lacking)} missing", missing=True)
        result = evaluate(self.compiled[text], activation)
        return Result(problem="yields null", missing=True) if not result.problem and result.value is None else result

    def judge(self, data: dict[str, Any], now: datetime) -> list[Outcome]:
        """One outcome for each validation, or a single `skip` that names the condition that does not hold."""
        data = {name: _finite(data.get(name) or {}) for name in self._types} | {"params": self.policy.params}
        activation: dict[str, Any] = {
            name: self._params if name == "params" else message(self._pool, type_name, data[name])
            for name, type_name in self._types.items()
        }
        activation["now"] = now
        for condition in self.policy.match.conditions:
            result = self._evaluate(condition.expression, data, activation)
            if result.problem:
                status: Status = self._status_of(result)
                return [self._outcome(each, status, result.problem) for each in self.policy.validations]
            if result.value is not True:
                skipped = f"does not apply: {condition.name}"
                return [Outcome(self.policy.id, "", self.policy.level, "skip", skipped, "")]
        return [self._validate(each, data, activation) for each in self.policy.validations]

    def _status_of(self, result: Result) -> Status:
        return self.policy.on_missing if result.missing else "error"

    def _validate(self, validation: Validation, data: dict[str, Any], activation: dict[str, Any]) -> Outcome:
        result = self._evaluate(validation.expression, data, activation)
        if result.problem:
            return self._outcome(validation, self._status_of(result), result.problem)
        if result.value is True:
            return self._outcome(validation, "pass", "")
        text = validation.message
        if validation.message_expression is not None:
            said = self._evaluate(validation.message_expression, data, activation)
            text = said.value if isinstance(said.value, str) and not said.problem else validation.message
        return self._outcome(validation, "fail", text)

    def _outcome(self, validation: Validation, status: Status, text: str) -> Outcome:
        """The outcome; a problem is told beside the rule's own message."""
        if status in ("inconclusive", "error") or (status == "fail" and text.endswith(" missing")):
            text = f"{validation.message} ({text})"
        remedy = "" if status == "pass" else validation.remedy
        return Outcome(self.policy.id, validation.id, self.policy.level, status, text, remedy)
