"""`ftc generate`: regenerate outputs, or prove that they are current."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tool.cli.common import common_options, jobs_option, print_json, progress
from tool.work import BACKENDS

SHOWN = 20


@click.command("generate")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when generated/ is not what it should be.")
@click.option("--fast", is_flag=True, help="With --check: take from .cache/ what nothing changed for since.")
@click.option("--clean", is_flag=True, help="Forget .cache/ first and make everything anew.")
@jobs_option
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="fork",
    show_default=True,
    help="Who runs the processes; DASK_SCHEDULER_ADDRESS and RAY_ADDRESS name a running cluster.",
)
@click.option("--shard", metavar="I/N", help="Only the I-th of N shares of the work, e.g. 2/8.")
@click.option("--matrix", is_flag=True, help="The whole cross product of models, cards, tasks, adapters and lengths.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where the matrix goes.")
@click.option("--format", "form", type=click.Choice(["parquet", "jsonl"]), default="parquet", show_default=True)
@click.option("--lengths", default=None, metavar="N,N", help="Lengths of the matrix in tokens (default 1024 to 8192).")
@common_options
def command(
    check: bool,
    fast: bool,
    clean: bool,
    jobs: int,
    backend: str,
    shard: str | None,
    matrix: bool,
    out: Path | None,
    form: str,
    lengths: str | None,
    root: Path,
    output: str,
) -> int:
    """Regenerate everything under generated/ from the YAML in git, or write the matrix of every combination.

    What was made before is remembered in .cache/ with the digest of every file that it was made from, so a change
    redoes only what depends on it. --check makes everything anew, unless --fast is given.

    \b
    Examples:
      ftc generate                             write what differs
      ftc generate --check                     prove that generated/ is current
      ftc generate --check --fast              the same in seconds, while you edit
      ftc generate --shard 1/4                 one share of the work, kept in .cache/: bring all four together
      ftc generate --matrix --out matrix --jobs 2
      ftc generate --matrix --out matrix --shard 1/4 --backend ray
      ftc generate --matrix --out matrix --check    prove that all shards are there, each row once
    """
    if matrix:
        from tool.cli.generate_matrix import check_parts, run_matrix

        if out is None or (check and (shard or fast)):
            raise click.UsageError("--matrix needs --out DIR; its --check is of all shards, and has no --fast")
        if check:
            return check_parts(root, out, form, lengths, output)
        return run_matrix(root, out, form, lengths, shard=shard, jobs=jobs, backend=backend, output=output)
    if out is not None or lengths is not None:
        raise click.UsageError("--out and --lengths belong to --matrix")
    if shard is not None:
        if check or fast or clean:
            raise click.UsageError("--shard fills .cache/ and writes nothing else: no --check, --fast or --clean")
        return _share(root, shard, jobs, backend, output)
    if fast and (clean or not check):
        raise click.UsageError("--fast goes with --check, and without --clean")
    with _uncollected():
        return _catalogue(root, check, fast, clean, jobs, backend, output)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: they are few, the run is short, and the search takes a tenth of it."""
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _share(root: Path, shard: str, jobs: int, backend: str, output: str) -> int:
    from tool.generate import keep_share
    from tool.generate.entries import entries
    from tool.generate.remembered import FOLDER, memo_of, validated
    from tool.generate.shards import shard_of
    from tool.load import open_repo

    share, repo = shard_of(shard), open_repo(root)
    memo = memo_of(repo)
    validated(memo)
    with progress(None, "answering", length=len(share.part(entries(repo)))) as bar:
        answers, models = keep_share(repo, share, memo, jobs, backend, bar.update)
    if output == "json":
        print_json({"answers": answers, "models": models, "folder": FOLDER})
    else:
        click.echo(f"{answers} answers and the needs of {models} models are in {FOLDER}/")
        click.echo("put the files of the other shards into the same folder; then `ftc generate` takes them from there")
    return 0


def _catalogue(root: Path, check: bool, fast: bool, clean: bool, jobs: int, backend: str, output: str) -> int:
    from tool.generate import compare, plan, write
    from tool.generate.entries import entries
    from tool.generate.remembered import memo_of, validated
    from tool.load import load, open_repo

    if check and not fast:
        repo, memo = load(root), None
    else:
        repo = open_repo(root)
        memo = memo_of(repo)
        if clean:
            memo.forget()
        validated(memo)
    with progress(None, "answering", length=len(entries(repo))) as bar:
        planned = plan(repo, jobs=jobs, backend=backend, tick=bar.update, memo=memo)
    difference = compare(root, planned) if check else write(root, planned)
    lists = {"changed": difference.changed, "missing": difference.missing, "extra": difference.extra}
    if output == "json":
        print_json({"files": len(planned), **lists})
    elif check:
        _print_check(len(planned), lists)
    else:
        written, removed = len(difference.changed) + len(difference.missing), len(difference.extra)
        click.echo(f"{len(planned)} files: {written} written, {removed} removed, the rest current")
    return 1 if check and difference else 0


def _print_check(count: int, lists: dict[str, tuple[str, ...]]) -> None:
    if not any(lists.values()):
        click.echo(f"generated/ is current: {count} files")
        return
    for kind, paths in lists.items():
        for path in paths[:SHOWN]:
            click.echo(f"{kind}: {path}")
        if len(paths) > SHOWN:
            click.echo(f"{kind}: and {len(paths) - SHOWN} more")
    click.echo("generated/ is not current: run `make generate` and commit the result", err=True)
