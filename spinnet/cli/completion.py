"""``spinnet completion``: how to switch on completion in a shell."""

from __future__ import annotations

import click

_LINES = {
    "bash": ('eval "$(_SPINNET_COMPLETE=bash_source spinnet)"', "~/.bashrc"),
    "zsh": ('eval "$(_SPINNET_COMPLETE=zsh_source spinnet)"', "~/.zshrc"),
    "fish": ("_SPINNET_COMPLETE=fish_source spinnet | source", "~/.config/fish/completions/spinnet.fish"),
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_LINES)))
def completion(shell: str) -> None:
    """Print the line that switches on completion in SHELL.

    \b
    Example:
      spinnet completion bash >> ~/.bashrc
    """
    line, place = _LINES[shell]
    click.echo(f"# completion of spinnet commands and options; belongs in {place}\n{line}")
