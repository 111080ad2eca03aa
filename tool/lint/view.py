"""What the rules look at: a document, its canonical reading by our recipe adapter, and the card it is meant for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tool.lint.finding import Finding, Level
from tool.lint.known import call_keys, plain
from tool.lint.names import NAMES
from tool.lint.read import Document
from tool.lint.values import is_computed
from tool.recipes import schemas
from tool.recipes.draft import BadValue, Draft, Row
from tool.recipes.native import Native, flattened

SCHEMAS = {"ms-swift": "ms_swift"}
MOST_FAULTS = 20
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0", "none", "null", ""}
TRL_COMMANDS = ("sft", "dpo", "grpo", "kto", "orpo", "cpo", "rloo")
FOUR_BIT, EIGHT_BIT = ("load_in_4bit", "use_4bit_quantization", "q_lora"), ("load_in_8bit", "use_8bit_quantization")


@dataclass(frozen=True)
class Target:
    """What the user says about the run beside the file. `gpu` as written, `rows` of the data set."""

    gpu: str | None = None
    gpus: int | None = None
    platform: str | None = None
    plan: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class View:
    """One document for the rules. `draft` is None where our adapter could not read it."""

    framework: str
    document: Document
    draft: Draft | None
    target: Target = field(default_factory=Target)
    name: str = ""

    def get(self, *names: str) -> tuple[str, Any]:
        """(key, value) of the first key that is so called, as a whole or by its last part; ("", None) when none is.

        A name with a dot must match the end of the key.
        """
        for name in names:
            for key, value in self.document.config.items():
                short = plain(key)
                if (short == name or short.endswith(f".{name}")) and value is not None:
                    return key, value
        return "", None

    def has(self, *names: str) -> str:
        """The key of the first name that is set to more than nothing; empty when none is."""
        key, value = self.get(*names)
        unset = value is None or value == [] or str(value).strip().lower() in ("", "none", "null", "~")
        return "" if unset else key

    def on(self, *names: str) -> str:
        """The key of the first of these flags that is true; empty when none is."""
        for name in names:
            key, value = self.get(name)
            if value is True or str(value).strip().lower() in _TRUE:
                return key
        return ""

    def off(self, *names: str) -> str:
        """The key of the first of these flags that is set and false."""
        for name in names:
            key, value = self.get(name)
            if value is False or (key and str(value).strip().lower() in _FALSE):
                return key
        return ""

    def number(self, *names: str) -> tuple[str, float | None]:
        """(key, number) of the first of these keys that is set; None for what is no plain number."""
        key, value = self.get(*names)
        if isinstance(value, bool) or is_computed(value):
            return key, None
        try:
            return key, float(value)
        except (TypeError, ValueError):
            return key, None

    def word(self, *names: str) -> tuple[str, str]:
        """(key, text in lower case) of the first of these keys that is set."""
        key, value = self.get(*names)
        return key, "" if value is None else str(value).strip().lower()

    def key_of(self, canonical: str) -> str:
        """The key that holds a canonical field; empty when the file does not say it."""
        return self.get(*NAMES[canonical])[0]

    def find(self, rule: str, key: str, message: str, mend: str = "", level: Level = "error") -> Finding:
        """A finding at the line of a key."""
        return Finding(self.document.lines.get(key, 0), key, rule, level, message, mend)

    @property
    def adapter(self) -> str:
        """full, lora, qlora, dora or another of PEFT's, as the framework will take it."""
        return self.draft.adapter or "full" if self.draft else "full"

    @property
    def objective(self) -> str:
        return (self.draft.objective if self.draft else None) or "sft"

    @property
    def quantised(self) -> str:
        """The key that asks for quantised weights; empty when none does."""
        direct = self.on(*FOUR_BIT, *EIGHT_BIT)
        if direct:
            return direct
        bits, value = self.number("quantization_bit", "quant_bits")
        return bits if value else ""


def view_of(framework: str, document: Document, target: Target, name: str) -> tuple[View, list[Finding]]:
    """The view, and a finding for each value that our adapter could not read (it is left out for the others)."""
    schema = SCHEMAS.get(framework, framework)
    if framework == "trl" and schemas.detect(document.config) == "alignment_handbook":
        schema = "alignment_handbook"
    read = schemas.reader(schema)
    assert read is not None, schema
    config = flattened({key: value for key, value in document.config.items() if not _is_expression(document, value)})
    command = document.command or document.started_by
    if command is None and schema == "trl" and not document.calls:
        command = trl_command(document, name)
    row = Row(id=name, schema=schema, repo="", path=name, config=config, command=command)
    view = View(framework, document, None, target, name)
    found: list[Finding] = []
    for _ in range(MOST_FAULTS):
        try:
            draft = read(Native(config), row)
            return replace(view, draft=_as_run(view, draft)), found
        except BadValue as error:
            found.append(view.find("wrong-type", error.field, f"{error.field} {error.message}", error.mend))
            if config.pop(error.field, None) is None:
                break
    return view, found


def trl_command(document: Document, name: str) -> str | None:
    """The command of TRL whose configuration knows all keys of the file, where the file's name does not say it."""
    if any(word in name.lower() for word in TRL_COMMANDS):
        return None
    shared = {*_current("ModelConfig"), *_current("ScriptArguments")}
    names = [key for key in (plain(key).split(".")[0] for key in document.config) if key not in shared]
    foreign = {word: sum(key not in _current(f"{word.upper()}Config") for key in names) for word in TRL_COMMANDS}
    best = min(foreign.values())
    word = next(word for word, count in foreign.items() if count == best)
    return f"trl {word}" if foreign["sft"] > best else None


def _current(name: str) -> set[str]:
    """The arguments of a class of TRL that its newest release has."""
    return {key for key, entries in call_keys(name).items() if any(entry.current for entry in entries)}


def _is_expression(document: Document, value: Any) -> bool:
    """What the Python reader writes for an argument that is computed."""
    return document.calls and isinstance(value, str) and value.startswith("${")


def _as_run(view: View, draft: Draft) -> Draft:
    """What will really run: TRL trains all weights unless `use_peft` is set, whatever else the file says of LoRA."""
    is_cli = view.framework == "trl" and not view.document.calls and _is_trl_itself(view.document)
    if is_cli and draft.adapter == "lora" and not view.on("use_peft"):
        draft.adapter = "full"
    if draft.adapter == "lora" and draft.base_quantization in ("nf4", "nf4-dq", "4bit"):
        draft.adapter = "qlora"
    return draft


def _is_trl_itself(document: Document) -> bool:
    command = document.command
    return command is None or command.startswith("trl ") or "scripts/" in command


def placed(findings: Iterator[Finding]) -> list[Finding]:
    """Findings in order, each once."""
    return sorted(set(findings), key=lambda item: (item.line, item.key, item.rule, item.message))
