"""The commands `drillbook lab …`: disposable hosts on this machine."""

import os

import click

from drills.lab.hosts import Lab


@click.group()
def lab() -> None:
    """Disposable hosts on this machine, described by inventories/lab."""


@lab.command()
def up() -> None:
    """Start the hosts and bring them to their desired state."""
    Lab().up()


@lab.command()
@click.option("--purge", is_flag=True, help="Remove the kept images as well.")
def down(*, purge: bool) -> None:
    """Remove the hosts and their network."""
    Lab().down(purge=purge)
    if not purge:
        click.echo(
            "lab: down; its images are kept so that it starts in seconds ('drillbook lab down --purge' removes them)"
        )


@lab.command()
def status() -> None:
    """Say which hosts run. Exit code 1 when one does not."""
    states = Lab().status()
    for host, state in states.items():
        click.echo(f"{host:10} {state}")
    if set(states.values()) != {"running"}:
        raise SystemExit(1)


@lab.command()
def reset() -> None:
    """Throw the hosts away and bring them back as they were when provisioned."""
    Lab().reset()


@lab.command()
def prepare() -> None:
    """Make the host image and find out what this machine can do, and start nothing."""
    Lab().prepare()


@lab.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_with_environment(command: tuple[str, ...]) -> None:
    """Run COMMAND with the environment in which podman and Ansible work for this lab."""
    os.execvpe(command[0], command, Lab().environment())  # noqa: S606  it takes this process's place


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(host: str, command: tuple[str, ...]) -> None:
    """Log in to HOST, or run COMMAND there."""
    words = Lab().ssh_command(host, command)
    os.execvp(words[0], words)  # noqa: S606  ssh takes this process's terminal
