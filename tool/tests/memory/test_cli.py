"""`ftc fit` from the outside: options, exit codes, batches, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run

BASE = ["--model", "Qwen/Qwen2.5-0.5B-Instruct", "--method", "lora", "--micro-batch", "1", "--seq-len", "512"]


@pytest.fixture
def ftc(root: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `ftc fit` with arguments; (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(cli, ["fit", "--root", str(root), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def lines(tmp_path: Path, *items: str | bytes) -> str:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b"".join((item.encode() if isinstance(item, str) else item) + b"\n" for item in items))
    return str(path)


def test_exit_codes_tell_the_verdict(ftc: Any) -> None:
    """0 it fits, 1 it does not, 4 no verdict."""
    assert ftc(*BASE, "--gpu", "A100-80GB")[0] == 0
    assert ftc("--model", "meta-llama/Llama-3.1-8B", "--method", "full", "--gpu", "T4")[0] == 1
    assert ftc(*BASE)[0] == 4


def test_json_has_the_fields_of_the_contract(ftc: Any) -> None:
    """The answer's names are those that other programs read."""
    _, out, _ = ftc(*BASE, "--gpu", "A100-80GB", "--output", "json")
    assert set(json.loads(out)) == {
        "id", "allocated_gib", "reserved_gib", "process_gib", "upper_gib", "usable_gib", "verdict", "peak_phase",
        "terms", "assumptions", "abstained_because",
    }  # fmt: skip


def test_explain_shows_terms_and_changes(ftc: Any) -> None:
    """The terms as bars, and what would make it fit."""
    code, out, _ = ftc("--model", "meta-llama/Llama-3.1-8B", "--method", "full", "--gpu", "A100-80GB", "--explain",
                       "--micro-batch", "4", "--seq-len", "4096")  # fmt: skip
    assert code == 1
    assert "█" in out
    assert "would help" in out


def test_a_config_file_prices_a_model_of_ones_own(ftc: Any, tmp_path: Path) -> None:
    """A Hugging Face config.json stands in for a registry model."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512,
                                  "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
                                  "intermediate_size": 1536, "vocab_size": 32000}))  # fmt: skip
    assert ftc("--model-config", str(config), "--method", "full", "--gpu", "T4")[0] == 0
    config.write_text("{")
    code, _, err = ftc("--model-config", str(config), "--gpu", "T4")
    assert code == 2
    assert "not JSON" in err


def test_batch_answers_every_line_in_order(ftc: Any, tmp_path: Path) -> None:
    """A broken line amid a batch is answered where it stands, and the run ends with 2."""
    good = {"id": "a", "model": "Qwen/Qwen2.5-0.5B", "method": "lora", "micro_batch": 1, "seq_len": 128, "gpu": "T4"}
    source = lines(
        tmp_path,
        json.dumps(good),
        "{broken",
        json.dumps({**good, "id": "c", "micro_batch": "two"}),
        json.dumps({**good, "id": 7}),
        json.dumps({**good, "id": "e", "seq_len": True}),
    )
    code, out, _ = ftc("--requests", source)
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [answer["id"] for answer in answers] == ["a", None, "c", 7, "e"]
    assert ["error" in answer for answer in answers] == [False, True, True, False, True]
    assert answers[2]["error"]["field"] == "micro_batch"
    assert answers[4]["error"]["field"] == "seq_len"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1, 2]",
        b'"text"',
        b'{"micro_batch": NaN}',
        b'{"params_b": Infinity}',
        b'{"model": "a", "model": "b"}',
        b'{"seq_len": ' + b"9" * 400 + b"}",
        b'{"model": "\xff"}',
        b"[" * 5000,
        b'{"lora_r": 1.5}',
        b'{"gpus": "2"}',
        b'{"params_b": "7"}',
        b'{"compile": "yes"}',
        b'{"micro_batch": 0}',
        b'{"model": 5}',
        b'{"params_b": 1e400}',
    ],
)
def test_malformed_lines_are_errors(ftc: Any, tmp_path: Path, line: bytes) -> None:
    """What JSON or the types refuse gets one error line with field and message, never a traceback."""
    code, out, err = ftc("--requests", lines(tmp_path, line))
    answer = json.loads(out)
    assert code == 2
    assert set(answer) == {"id", "error"}
    assert answer["error"]["message"]
    assert "Traceback" not in err


def test_abstentions_do_not_fail_a_batch(ftc: Any, tmp_path: Path) -> None:
    """A batch ends with 0 when every line got an answer, whatever the verdicts."""
    code, out, _ = ftc("--requests", lines(tmp_path, '{"model": "nobody/knows"}', '{"params_b": 7}'))
    assert code == 0
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["abstain", "abstain"]


def test_bad_options_name_the_field(ftc: Any) -> None:
    """A value out of range is bad usage."""
    code, _, err = ftc(*BASE, "--lora-r", "0")
    assert code == 2
    assert "lora_r" in err
