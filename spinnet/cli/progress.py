"""How a running campaign looks: a bar with time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

import click

LINE_EVERY_SECONDS = 10.0


class TerminalProgress:
    """Shows the events of a campaign on standard error.

    The bar counts tasks, with the fractions of the running ones added, so that it moves while long tasks run. Where
    standard error is not a terminal, a line is printed every ten seconds instead.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False):
        self._quiet, self._verbose = quiet, verbose
        self._terminal = sys.stderr.isatty()
        self._bar = None
        self._fractions: dict[str, float] = {}
        self._done = self._total = self._shown = 0
        self._began = self._last_line = time.monotonic()

    def started(self, total: int, already_done: int) -> None:
        """``total`` tasks exist, of which ``already_done`` were finished by an earlier run."""
        self._total, self._began = total - already_done, time.monotonic()
        if already_done:
            self.message(f"{already_done} of {total} tasks were already finished and are skipped")
        if self._quiet or not self._total:
            return
        if self._terminal:
            self._bar = click.progressbar(
                length=1000 * self._total,
                label="tasks",
                file=sys.stderr,
                show_eta=False,
                item_show_func=lambda _: f"{self._done}/{self._total} done",
            )
            self._bar.__enter__()

    def advanced(self, task: str, fraction: float) -> None:
        """A running task has reached ``fraction`` of its run."""
        self._fractions[task] = fraction
        self._draw()

    def finished(self, task: str) -> None:
        """A task is done."""
        self._fractions.pop(task, None)
        self._done += 1
        if self._verbose:
            self.message(f"finished {task} ({self._done}/{self._total})")
        self._draw(force=self._done == self._total)

    def message(self, text: str) -> None:
        """A line for the person who waits."""
        if self._quiet:
            return
        if self._bar is not None:
            click.echo("\r\033[K", err=True, nl=False)
        click.echo(text, err=True)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def _draw(self, force: bool = False) -> None:
        done = self._done + sum(self._fractions.values())
        if self._bar is not None:
            self._bar.show_eta = self._done >= min(5, self._total // 4)  # before that a guess says nothing
            position = min(int(1000 * done), 1000 * self._total)
            if position > self._shown or force:
                self._bar.update(position - self._shown, self._done)
                self._shown = position
        elif not self._quiet and not self._terminal:
            now = time.monotonic()
            if force or now - self._last_line >= LINE_EVERY_SECONDS:
                self._last_line = now
                click.echo(f"{self._done}/{self._total} tasks done{self._left(now, done)}", err=True)


    def _left(self, now: float, done: float) -> str:
        """ ", about 3 min 10 s left", once enough has been done to say so."""
        if self._done == self._total:
            return ""
        if self._done < min(5, max(1, self._total // 4)):  # the first tasks wait for the compiler
            return ", time left not known yet"
        return f", about {_duration((now - self._began) * (self._total / done - 1))} left"


def _duration(seconds: float) -> str:
    if seconds != seconds:
        return "an unknown time"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {whole:02d} s" if minutes else f"{whole} s"
