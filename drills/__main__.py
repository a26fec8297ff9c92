"""The command `drillbook`: every mistake ends in two lines and exit code 64, never in a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from drills import __version__, checkout
from drills.cli.breaking import heal_command, run_command
from drills.cli.looking import doctor_command, list_command, plan_command
from drills.cli.pages import runbooks_group
from drills.cli.verdicts import judge_command, report_command
from drills.errors import UsageError
from drills.interruption import StoppedError
from drills.lab import lab

EXIT_STOPPED = 3
EXIT_USAGE = 64
EXIT_CRASHED = 70


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="drillbook")
def drillbook() -> None:
    """Runbooks you can run, and drills that prove them."""


for command in (
    list_command,
    plan_command,
    run_command,
    judge_command,
    report_command,
    heal_command,
    runbooks_group,
    doctor_command,
    lab,
):
    drillbook.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    checkout.use_own_ansible()
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str] | None) -> int:
    try:
        code = drillbook.main(arguments, prog_name="drillbook", standalone_mode=False)
    except Exception as error:  # noqa: BLE001  # the last resort as well
        return _exit_code_of(error)
    except KeyboardInterrupt:
        return _exit_code_of(click.Abort())
    return code if isinstance(code, int) else 0


def _exit_code_of(error: Exception) -> int:
    """Tell people what went wrong, in two lines."""
    match error:
        case UsageError():
            return _complain(error.message, error.hint, EXIT_USAGE)
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return _complain("no command was given", "drillbook list", EXIT_USAGE)
        case click.ClickException():
            message = error.format_message().rstrip(".")
            return _complain(message[:1].lower() + message[1:], _click_hint(error), EXIT_USAGE)
        case click.Abort() | StoppedError():
            return _complain("stopped before anything was touched", "run the command again", EXIT_STOPPED)
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
    kept = _keep_traceback(error)
    return _complain(f"unexpected {type(error).__name__}: {error}", f"read {kept}", EXIT_CRASHED)


def _click_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context is not None else "drillbook --help"


def _complain(message: str, hint: str, code: int) -> int:
    click.echo(f"error: {message}\nHINT: {hint}", err=True)
    return code


def _keep_traceback(error: Exception) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="drillbook-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    return Path(file.name)


if __name__ == "__main__":
    main()
