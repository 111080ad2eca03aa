"""Shell scripts: each training command with its arguments, and what its launcher and environment say."""

from __future__ import annotations

import re
import shlex
from typing import Any

from tool.errors import BadRequest
from tool.lint.read import Document, NotAConfiguration

_ASSIGNMENT = re.compile(r"^(?:export\s+)?([A-Za-z_]\w*)=(.*)$")
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
_PROGRAMS = ("swift", "megatron", "trl", "llamafactory-cli", "axolotl", "tune", "oumi")
_LAUNCHERS = ("torchrun", "accelerate", "deepspeed")
_VERBS = ("train", "sft", "rlhf", "pt", "dpo", "orpo", "kto", "grpo", "simpo", "reward", "run", "launch", "cpo", "rloo")


def shell_documents(name: str, text: str) -> list[Document]:
    """Raises BadRequest for a script in which no training command is found."""
    environment: dict[str, tuple[int, str]] = {}
    found = []
    for line, command in _commands(text.replace("\x00", "")):
        try:
            words = shlex.split(command, comments=True)
        except ValueError as error:
            raise BadRequest("file", f"{name} line {line}: {error}", "close the quote") from None
        own: dict[str, str] = {}
        while words and _ASSIGNMENT.match(words[0] if words[0] != "export" else " ".join(words[:2])):
            words = words[1:] if words[0] == "export" else words
            key, value = words.pop(0).split("=", 1)
            own[key] = value
        if not words:
            environment |= {key: (line, value) for key, value in own.items()}
        elif _is_training(words):
            document = _document(words, line)
            for key, (place, value) in (environment | {key: (line, value) for key, value in own.items()}).items():
                if f"env.{key}" not in document.config and key.isupper():
                    document.config[f"env.{key}"], document.lines[f"env.{key}"] = value, place
            _insert(document, {key: value for key, (_, value) in environment.items()} | own)
            found.append(document)
    if not found:
        mend = "give the file that starts the run"
        raise NotAConfiguration("file", f"{name} has no training command that is known", mend)
    return found


def _commands(text: str) -> list[tuple[int, str]]:
    """(line, command) with continued lines joined; each line break inside stays visible as a newline word."""
    found: list[tuple[int, str]] = []
    pending, start, heredoc = "", 0, None
    for number, raw in enumerate(text.split("\n"), start=1):
        if heredoc is not None:
            heredoc = None if raw.strip() == heredoc else heredoc
            continue
        line = raw.rstrip()
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1] + f" \x00{number + 1} "
            continue
        if pending and line.lstrip().startswith("#"):
            continue
        found.append((start, (pending + line).strip()))
        opened = _HEREDOC.search(line)
        heredoc = opened[1] if opened else None
        pending, start = "", 0
    if pending:
        found.append((start, pending.strip()))
    return found


def _is_training(words: list[str]) -> bool:
    plain = [word for word in words if not word.startswith("\x00")]
    program = plain[0].rsplit("/", 1)[-1]
    if program in _PROGRAMS:
        return len(plain) > 1 and plain[1] in _VERBS
    script = next((word for word in plain if word.endswith(".py")), None)
    return (program in _LAUNCHERS or program.startswith("python")) and (script is not None or "-m" in plain)


def _document(words: list[str], line: int) -> Document:
    document = Document()
    launcher = words[0].rsplit("/", 1)[-1]
    program, index, inside = [], 0, launcher in _LAUNCHERS
    prefix = f"{launcher}." if inside else ""
    while index < len(words):
        word = words[index]
        if word.startswith("\x00"):
            line = int(word[1:])
        elif word in ("|", "||", "&&", ";", "&", ">", "2>&1", "2>", ">>"):
            break
        elif word.startswith("--") or (word.startswith("-") and inside and len(word) > 2 and not word[1].isdigit()):
            index = _option(words, index, prefix if inside else "", line, document)
        else:
            program.append(word)
            if inside and (word.endswith(".py") or word in _PROGRAMS):
                inside = False
        index += 1
    document.command = _command(program)
    return document


def _option(words: list[str], index: int, prefix: str, line: int, document: Document) -> int:
    """Read one option; returns the place of the last word that belongs to it."""
    name, equals, value = words[index].lstrip("-").partition("=")
    values: list[Any] = [value] if equals else []
    single = bool(prefix)
    while not equals and index + 1 < len(words) and not words[index + 1].startswith(("--", "\x00")):
        if words[index + 1] in ("|", "||", "&&", ";", "&", ">", "2>&1", "2>", ">>"):
            break
        if single and (values or words[index + 1].endswith(".py")):
            break
        index += 1
        values.append(words[index])
    key = f"{prefix}{name if prefix else name.replace('-', '_')}"
    document.config[key] = True if not values else values[0] if len(values) == 1 else values
    document.lines[key] = line
    return index


def _command(program: list[str]) -> str:
    """`swift sft`, `trl dpo`, or the path of the script."""
    script = next((word for word in program if word.endswith(".py")), None)
    known = next((index for index, word in enumerate(program) if word.rsplit("/", 1)[-1] in _PROGRAMS), None)
    if known is not None and script is None:
        return " ".join([program[known].rsplit("/", 1)[-1], *program[known + 1 : known + 2]])
    return script or " ".join(program[:2])


def _insert(document: Document, environment: dict[str, str]) -> None:
    """Put what the script assigned in place of the variables that it names whole."""
    for key, value in document.config.items():
        match = re.fullmatch(r"\$\{?(\w+)\}?", value) if isinstance(value, str) else None
        if match and match[1] in environment:
            document.config[key] = environment[match[1]]
