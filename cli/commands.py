"""The words of the command `reslim`, as Typer has them; each command is a file of its own, imported when it is called.

Nothing heavy is imported here: help and a mistyped key answer without torch and pandas.
"""

from __future__ import annotations

from typing import Annotated, Optional

import typer

app = typer.Typer(
    name="reslim",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Table = Annotated[bool, typer.Option("--table", help="Show the values by depth, and by what else orders are along.")]
With = Annotated[
    Optional[list[str]],
    typer.Option("--with", metavar="FILE", help="A file of your own parts, such as a law of weights; may be repeated."),
]


def _use(files: list[str] | None) -> None:
    """Let the registries know the parts of these files."""
    if files:
        from resnet_limits import own
        from resnet_limits.settings.registry import bring

        own.use(files)
        bring()


def _completed(context: typer.Context, incomplete: str) -> list[str]:
    """What an override may go on with, in a shell that completes."""
    from resnet_limits.errors import ReslimError

    from .completion import completed

    try:
        _use(context.params.get("parts"))
    except ReslimError:  # the command says it
        return []
    return completed(context.params.get("overrides") or [], incomplete)


def _completed_study(context: typer.Context, incomplete: str) -> list[str]:
    """The names of studies; behind a dot the ids of claims."""
    from .completion import completed_study

    _use(context.params.get("parts"))
    return completed_study(incomplete)


def _completed_section(incomplete: str) -> list[str]:
    from .completion import completed_section

    return completed_section(incomplete)


def _print_version(asked: bool) -> None:
    if asked:
        from resnet_limits.runs.provenance import version

        typer.echo(f"reslim {version()}")
        raise typer.Exit


@app.callback()
def reslim(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """A laboratory for the infinite-depth limits of residual networks."""
    if context.invoked_subcommand is None:
        from . import studies as command

        command.studies(None, None, json_out=False)


@app.command()
def train(
    overrides: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="KEY=VALUE",
            help="Overrides: depth=8,16,32 sweeps, init=rough picks an option.",
            autocompletion=_completed,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the request and list the jobs.")] = False,
    resume: Annotated[
        Optional[str], typer.Option(metavar="RUN", help="Continue a run: a folder, a beginning of its id, or latest.")
    ] = None,
    table: Table = False,
    parts: With = None,
    json: Json = False,
    cfg: Annotated[
        Optional[str], typer.Option(metavar="job", help="Print the configuration of a job and stop.")
    ] = None,
    multirun: Annotated[bool, typer.Option("--multirun", "-m", hidden=True)] = False,
) -> None:
    """Run a study's depth sweep and judge its claims.

    \b
    reslim train                              the study ode on digits
    reslim train depth=16                     one job
    reslim train activation=tanh,swish        a sweep over two settings
    reslim train claims=ode.rough depth=8..64 one claim, at depths that double
    reslim train hydra/launcher=joblib        jobs side by side
    reslim train --resume latest depth=512    further depths for a run
    reslim train --with my_law.py init=my_law a law of weights of your own

    \b
    reslim studies                            what can be asked
    reslim studies ode keys                   the keys of a study, with ranges
    """
    _use(parts)
    from .keys import require_keys

    if resume is None:  # a run has a study of its own
        require_keys(overrides or [])
    from . import train as command

    command.train(overrides or [], dry_run=dry_run, resume=resume, json_out=json, cfg=cfg, table=table)


@app.command()
def studies(
    name: Annotated[
        Optional[str],
        typer.Argument(
            metavar="STUDY|CLAIM",
            help="A study, or the id of a claim; without one, all studies are listed.",
            autocompletion=_completed_study,
        ),
    ] = None,
    section: Annotated[
        Optional[str],
        typer.Argument(
            metavar="SECTION",
            help="keys, claims, observables or arrays of the study.",
            autocompletion=_completed_section,
        ),
    ] = None,
    parts: With = None,
    json: Json = False,
) -> None:
    """List the studies, or show one, or one claim.

    \b
    reslim studies ode              equation, questions, the keys that matter
    reslim studies ode keys         all keys; also claims, observables, arrays
    reslim studies ode.forward.heun what a claim assumes, its source, its rival
    """
    _use(parts)
    from . import studies as command

    command.studies(name, section, json_out=json)


@app.command()
def report(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Runs of one study: folders, beginnings of ids, or latest.")
    ],
    out: Annotated[
        Optional[str], typer.Option(metavar="FOLDER", help="Where to write; of one run, its own folder by default.")
    ] = None,
    table: Table = False,
    parts: With = None,
    json: Json = False,
) -> None:
    """Write a page that opens offline, figures, LaTeX tables and BibTeX of one or several runs.

    Runs are merged over seeds and depths; a job that several runs hold counts once.
    """
    _use(parts)
    from . import report as command

    command.report(runs, out=out, json_out=json, table=table)


@app.command()
def verify(
    words: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="STUDY|KEY=VALUE", help="Studies, none means all; overrides as in train."),
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="The size for continuous integration: preset=smoke.")] = False,
    junit: Annotated[
        Optional[str], typer.Option(metavar="FILE", help="Write the scoreboard as JUnit XML, for a CI to show.")
    ] = None,
    against: Annotated[
        Optional[str],
        typer.Option(metavar="FILE", help="Say what moved beyond the intervals: a printed --json, or a summary.json."),
    ] = None,
    parts: With = None,
    json: Json = False,
) -> None:
    """Run the studies' claims and print one scoreboard; exit code 1 where one came out other than it must."""
    _use(parts)
    from .keys import require_keys

    require_keys([*(f"study={word}" for word in words or [] if "=" not in word), *(words or [])])
    from . import verify as command

    command.verify(words or [], smoke=smoke, junit=junit, against=against, json_out=json)


@app.command()
def runs(
    run: Annotated[
        Optional[str],
        typer.Argument(metavar="STUDY|RUN", help="A study, or a run: a folder, a beginning of an id, or latest."),
    ] = None,
    study: Annotated[Optional[str], typer.Option(metavar="STUDY", help="List the runs of this study alone.")] = None,
    parts: With = None,
    json: Json = False,
) -> None:
    """List the runs, all or those of a study: what was asked, when, how long, verdicts; or show one."""
    _use(parts)
    from . import runs as command

    command.runs(run, study=study, json_out=json)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A folder, a beginning of an id, or latest.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The run that is held against the first.")],
    parts: With = None,
    json: Json = False,
) -> None:
    """Say what moved between two runs beyond their intervals, and what differs; exit code 1 where something moved.

    A claim moved where its verdict is another, or its value by more than sqrt(h1^2 + h2^2), h being half an interval.
    """
    _use(parts)
    from . import compare as command

    command.compare([first, second], json_out=json)


@app.command()
def data(
    name: Annotated[
        Optional[str], typer.Argument(help="A data set to fetch where it is missing; without one, all are listed.")
    ] = None,
    root: Annotated[
        Optional[str], typer.Option(metavar="FOLDER", help="As data.root; else $RESLIM_DATA, else the user cache.")
    ] = None,
    parts: With = None,
    json: Json = False,
) -> None:
    """List the data sets and whether they are present, or fetch one."""
    _use(parts)
    from . import data as command

    command.data(name, root=root, json_out=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what works on this machine, and what to do about what does not."""
    from . import doctor as command

    command.doctor(json_out=json)
