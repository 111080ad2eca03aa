"""Each security line of each workflow, reverted once: the rules must speak. The lines are found in the files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tool.govern.workflow_rules import SUMMARIES, check_workflows, read_workflows
from tool.tests.conftest import ROOT

TEXTS = read_workflows(ROOT)
Mutant = tuple[str, str]
"""What was done to which line, and the text that it gives."""

CHANGES: tuple[tuple[str, str, str], ...] = (
    (r"^permissions: \{\}", "permissions: write-all", "all jobs may write"),
    (r"^(\s+)contents: read.*", r"\1contents: write", "the job may write"),
    (r"^(\s+)contents: read.*", r"\1contents: read\n\1id-token: write", "the job may take an identity"),
    (r"^(\s+)actions: read.*", r"\1actions: write", "the job may start workflows"),
    (r"persist-credentials: false", "persist-credentials: true", "the token stays"),
    (r"@[0-9a-f]{40} # (v\d+\S*)", r"@\1", "pinned to a tag"),
    (r"@[0-9a-f]{40} # v\d+\S*", "@main", "pinned to a branch"),
    (r"(@[0-9a-f]{40}) # v\d+\S*", r"\1", "the tag is not told"),
    (r"^(  )pull_request:", r"\1pull_request_target:", "a stranger's change meets a token that writes"),
    (r"^on:", "on:\n  issue_comment:", "a comment starts it"),
    (r"^on:", "on:\n  workflow_run:\n    workflows: [x]", "another run starts it"),
    (r"runs-on: .*", "runs-on: self-hosted", "runs on a machine that remembers"),
    (r"^(    )steps:", r"\1container: evil\n\1steps:", "runs in another image"),
    (r"^(    )steps:", r"\1continue-on-error: true\n\1steps:", "goes on after an error"),
    (r"^(        )run:", r"\1continue-on-error: true\n\1run:", "the step may fail"),
    (r"^(        )run:", r"\1working-directory: change\n\1run:", "runs elsewhere"),
    (r"^(        )run:", r"\1shell: python\n\1run:", "runs in another shell"),
    (r"^(        )run:", r"\1env:\n\1  BASH_ENV: change/x\n\1run:", "loads a script first"),
    (r"^(        )env:", r"\1env:\n\1  PATH: change/bin", "finds other programs"),
    (r"^( {10}\S.*)$", r'\1\n          echo "X=${{ github.event.pull_request.title }}"', "text becomes code"),
    (r"^( {10})set -o pipefail", r"\1true", "a pipe hides a failure"),
)
"""Pattern, replacement, and what it would mean, on every line that matches."""
GATES: tuple[tuple[str, str, str], ...] = (
    (r"base/\.venv", "change/.venv", "the change's program judges"),
    (r"base/\.venv/bin/ftc", ".venv/bin/ftc", "some program judges"),
    (r"make -C base", "make -C change", "the change's environment judges"),
    (r"canary verdict --root base", "canary verdict --root change", "the change's rules judge its canary"),
    (r"pull_request\.base\.sha", "pull_request.head.sha", "the change is its own base"),
    (r"^(\s+)path: base", r"\1path: other", "the base is elsewhere"),
    (r'--base "\$\{BASE_SHA\}"', "--base HEAD", "the change is its own base"),
    (r"github\.event\.pull_request\.head\.repo\.full_name == github\.repository", "true", "comments for forks"),
    (r"always\(\) && github\.event_name", "success() && github.event_name", "no comment when blocked"),
    (r"steps\.look\.outputs\.(engine|canary) != ''", r"steps.look.outputs.\1 == 'x'", "nothing is made again"),
    (r"steps\.look\.outputs\.moves != '0'", "false", "outputs are not compared"),
    (r"-ne 2", "-ge 0", "a broken run counts"),
)
SUMMARY: tuple[tuple[str, str, str], ...] = (
    (r"^    if: always\(\)$", "    if: success()", "the summary is skipped when a job fails"),
    (r"needs\.\*\.result", "needs.govern.result", "looks at one job"),
    (r'test "\$\{result\}" = success', 'test "${result}" != failure', "skipped counts as a pass"),
    (r'test "\$\{result\}" = success', "true", "everything counts"),
    (r"^  (pull_request|merge_group):", r"  \1:\n    branches: [other]", "runs for some changes only"),
    (r"^  (pull_request|merge_group):", r"  \1:\n    paths: [docs/**]", "runs for some changes only"),
)
WRITERS: tuple[tuple[str, str, str], ...] = (
    (r"group: engine-state", "group: promote", "two steps at a time"),
    (r"cancel-in-progress: false", "cancel-in-progress: true", "a step is cut short"),
    (r"ref: main", "ref: ${{ github.ref }}", "secrets on another branch"),
    (r"environment: engines", "environment: other", "secrets without review"),
)
APART: tuple[tuple[str, str, str], ...] = (
    (r"^(          )\.venv/bin/ftc validate", r"\1make test-notebooks", "what is untried runs beside the token"),
    (r"^(          )\.venv/bin/ftc validate", r"\1uv pip install x", "what is untried runs beside the token"),
    (r"^(          )trained=0", r"\1trained=0; export T=$GITHUB_TOKEN", "what is untried sees a token"),
    (r"^      LOCK: .*", "      GH_TOKEN: ${{ github.token }}", "what is untried sees a token"),
    (r"^    outputs:", "    environment: engines\n    outputs:", "what is untried runs where the secrets are"),
    (r"ftc deps adopt", "ftc deps check", "what was handed over is not checked"),
    (r"(run: .*ftc deps adopt.*)", r"\1 || true", "the check may fail"),
    (r"^(        )run: (.*ftc deps adopt.*)", r"\1if: failure()\n\1run: \2", "the check may be left out"),
    (r"^    if: needs\.try.*", "    if: always()", "what did not train is published"),
)
DELETED = (
    r"^\s*permissions:",
    r"persist-credentials:",
    r"^concurrency:",
    r"^  group:",
    r"timeout-minutes:",
)
"""Lines whose loss, with what is indented below them, must be told in any workflow that has them."""
DELETED_IN_GATES = (
    r"BASE_SHA: \$",
    r"^          ref: \$",
    r"^          path: (base|change)$",
    r"fetch-depth: 0",
    r"options\+=",
    r"^    if: >-",
    r"\|\| status=\$\?",
)
DELETED_IN_WRITERS = (r"environment: engines", r"permission-", r"ref: main", r"cancel-in-progress:")
UNJUDGING = {"Install the pinned environment", "Install the base's pinned environment", "Write the comment, or bring"}
"""Steps of required workflows whose loss breaks the run by itself, or that judge nothing."""


EVERY = (*CHANGES, *GATES, *SUMMARY, *WRITERS, *APART)


def without(lines: list[str], at: int) -> str:
    """The text without a line and what is indented below it."""
    depth = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > depth):
        end += 1
    return "\n".join(lines[:at] + lines[end:]) + "\n"


def changes_for(name: str) -> tuple[tuple[str, str, str], ...]:
    extra = (GATES if name == "gates.yml" else ()) + (SUMMARY if name in SUMMARIES else ())
    extra += APART if name == "dependencies.yml" else ()
    return CHANGES + extra + (WRITERS if name in ("canary.yml", "promote.yml", "rollback.yml") else ())


def deletions_for(name: str) -> tuple[str, ...]:
    extra = DELETED_IN_GATES if name == "gates.yml" else ()
    extra += (r"ftc deps adopt", r"^    needs:", r"^    environment:") if name == "dependencies.yml" else ()
    extra += (r"^  (pull_request|merge_group):$", r'exit "\$\{status\}"') if name in SUMMARIES else ()
    return DELETED + extra + (DELETED_IN_WRITERS if name in ("canary.yml", "promote.yml", "rollback.yml") else ())


def changed_lines(name: str, lines: list[str]) -> Iterator[Mutant]:
    for at, line in enumerate(lines):
        for pattern, replacement, meaning in changes_for(name):
            if line.lstrip().startswith("#") or not re.search(pattern, line):
                continue
            if not _in_a_script(lines, at) and "becomes code" in meaning:
                continue
            changed = re.sub(pattern, replacement, line, count=1)
            yield f"{at + 1}: {line.strip()[:60]}: {meaning}", "\n".join([*lines[:at], changed, *lines[at + 1 :]])


def _in_a_script(lines: list[str], at: int) -> bool:
    """Whether a line belongs to a block of `run: |`."""
    above = next((line for line in reversed(lines[:at]) if len(line) - len(line.lstrip()) < 10 and line.strip()), "")
    return above.strip() == "run: |"


def whole_rights(name: str, lines: list[str]) -> Iterator[Mutant]:
    """A job may do everything."""
    for at, line in enumerate(lines):
        if line.startswith("    permissions:"):
            kept = without(lines, at).splitlines()
            yield f"{at + 1}: write-all", "\n".join([*kept[:at], "    permissions: write-all", *kept[at:]])


def deleted_lines(name: str, lines: list[str]) -> Iterator[Mutant]:
    for at, line in enumerate(lines):
        if any(re.search(pattern, line) for pattern in deletions_for(name)) and not line.lstrip().startswith("#"):
            yield f"{at + 1}: {line.strip()[:60]}: deleted", without(lines, at)


def deleted_steps(name: str, lines: list[str]) -> Iterator[Mutant]:
    """Every step of a required workflow that runs something, deleted, or made to mind no failure."""
    for at, line in enumerate(lines):
        step = re.match(r"      - name: (.*)", line)
        if name not in SUMMARIES or not step or any(step[1].startswith(known) for known in UNJUDGING):
            continue
        kept = without(lines, at)
        removed = len(lines) - len(kept.splitlines())
        block = lines[at : at + removed]
        if not any(re.match(r"        run:", part) for part in block) or "comment" in step[1]:
            continue
        yield f"{at + 1}: {step[1]}: deleted", kept
        if step[1] != "Require that every job succeeded":
            last = max(number for number, part in enumerate(block) if part.strip())
            block = [*block[:last], block[last] + " || true", *block[last + 1 :]]
            yield f"{at + 1}: {step[1]}: may fail", "\n".join([*lines[:at], *block, *lines[at + removed :]])


def smaller_needs(name: str, lines: list[str]) -> Iterator[Mutant]:
    """The summary waits for one job less."""
    for at, line in enumerate(lines):
        found = re.match(r"    needs: \[(.*)\]", line)
        if name not in SUMMARIES or not found or SUMMARIES[name][0] not in "".join(lines[max(0, at - 4) : at]):
            continue
        jobs = found[1].split(", ")
        for job in jobs:
            rest = ", ".join(each for each in jobs if each != job)
            yield (
                f"{at + 1}: does not wait for {job}",
                "\n".join([*lines[:at], f"    needs: [{rest}]", *lines[at + 1 :]]),
            )


def mutants(name: str) -> list[Mutant]:
    lines = TEXTS[name].splitlines()
    makers = (changed_lines, whole_rights, deleted_lines, deleted_steps, smaller_needs)
    return [mutant for make in makers for mutant in make(name, lines)]


def test_the_workflows_keep_every_rule() -> None:
    """No workflow of the repository breaks a rule."""
    assert [str(finding) for finding in check_workflows(TEXTS)] == []


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_reverting_any_security_line_is_told(name: str) -> None:
    """Every mutant of every guarded line brings a finding that the file as it stands does not have, with its mend."""
    before = set(check_workflows({name: TEXTS[name]}))
    made = mutants(name)
    assert len(made) >= 12
    told = {what: set(check_workflows({name: text})) - before for what, text in made}
    assert [what for what, findings in told.items() if not findings] == []
    unreadable = [what for what, found in told.items() if {each.id for each in found} == {"workflow.unreadable"}]
    assert unreadable == [], "a mutant that is no YAML proves nothing"


def test_the_enumeration_finds_what_it_should() -> None:
    """Hundreds of mutants, most of them of the workflows that judge: a pattern that matches nothing would hide."""
    counts = {name: len(mutants(name)) for name in TEXTS}
    assert sum(counts.values()) > 400
    assert counts["gates.yml"] > 90
    matched = {
        pattern
        for pattern, _, _ in EVERY
        for text in TEXTS.values()
        if any(re.search(pattern, line) for line in text.splitlines())
    }
    assert {pattern for pattern, _, _ in EVERY} - matched == set()


def test_a_schedule_that_nobody_watches_is_told() -> None:
    """Another scheduled workflow must be named in freshness.yml."""
    text = TEXTS["prove.yml"]
    (finding,) = check_workflows(TEXTS | {"weekly.yml": text})
    assert finding.message == "freshness.yml does not watch the schedule of weekly.yml"


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_workflow_is_run_by_a_proof(name: str) -> None:
    """Some test or rehearsal runs each workflow file with act: a new one needs a run of its own."""
    call = re.compile(rf"\.(dispatch|schedule|pull_request|merge_group|workflow)\(\s*\"{re.escape(name)}\"")
    places = [*(ROOT / "tool/tests").rglob("test_*.py"), *(ROOT / "evaluation").rglob("*.py")]
    assert any(call.search(path.read_text()) for path in places)


def test_a_lost_workflow_and_an_unreadable_one_are_told() -> None:
    """A required workflow that is gone, and YAML that is none, are findings and no silence."""
    rest = {name: text for name, text in TEXTS.items() if name != "gates.yml"}
    assert [finding.id for finding in check_workflows(rest)] == ["workflow.missing"]
    told = check_workflows(TEXTS | {"x.yml": "on: [", "y.yaml": "- a"})
    assert [finding.id for finding in told] == ["workflow.unreadable"] * 2


def test_the_doctor_runs_the_rules(tmp_path: Path) -> None:
    """`ftc doctor` names a broken rule as something to do."""
    from tool.govern.hosting import workflow_checks

    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    assert [check.status for check in workflow_checks(tmp_path)] == ["ok"]
    (folder / "gates.yml").write_text(TEXTS["gates.yml"].replace("  pull_request:", "  pull_request_target:"))
    checks = list(workflow_checks(tmp_path))
    assert {check.status for check in checks} == {"todo"}
    assert any("pull_request_target" in check.message for check in checks)
