"""Every command and every example of the documentation runs, page by page, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reference.optional import require_dask, require_torch

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FINDINGS = sorted(DOCS.glob("findings/*.md"))
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
_RUN = "from spinnet.cli import main; main(prog_name='spinnet')"


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """(language, title, text) of each fenced block."""
    return [(language, title or "", text) for language, title, text in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def commands(text: str) -> list[list[str]]:
    """The lines that begin with "$ spinnet"."""
    lines = [line[2:].split() for line in text.splitlines() if line.startswith("$ ")]
    assert lines and all(line[0] == "spinnet" for line in lines), text
    return [line[1:] for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_everything_on_a_page_runs(page, tmp_path):
    if page.stem == "torch":
        require_torch()
    python = []
    for language, title, text in blocks(page):
        if language == "toml":
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif language == "python":
            python.append(text)  # later examples go on from earlier ones
        elif language == "sh" and title == "":
            for line in commands(text):
                run([sys.executable, "-P", "-c", _RUN, *line], tmp_path)
        else:
            assert (language, title) in {("sh", "Slurm"), ("sh", "Dask")}, f"{page.name}: {language} {title}"
    if python:
        run([sys.executable, "-P", "-c", "\n".join(python)], tmp_path)


def run_cluster_commands(kind: str, tmp_path: Path) -> None:
    """The commands of the page on clusters that need Slurm or Dask."""
    page = DOCS / "cluster.md"
    for language, title, text in blocks(page):
        if language == "toml":
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif title == kind:
            for line in commands(text):
                run([sys.executable, "-P", "-c", _RUN, *line], tmp_path)
    assert len(list((tmp_path / "results" / "small" / "shards").glob("*/*.h5"))) == 8


def test_what_needs_dask_runs_on_it(tmp_path):
    require_dask()
    run_cluster_commands("Dask", tmp_path)


def test_the_contents_list_every_page_and_links_lead_somewhere():
    listed = re.findall(r"(?:: |- )([\w/-]+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in [*PAGES, *FINDINGS])
    for page in [*PAGES, *FINDINGS]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"


def test_what_was_found_has_a_page_per_study_and_nothing_to_run():
    contents = (DOCS / "findings" / "index.md").read_text(encoding="utf-8")
    for page in FINDINGS:
        assert not blocks(page), f"{page.name}: findings are text, nobody runs them"
        if page.stem != "index":
            study = page.stem == "torch_digits" or (DOCS.parent / "sims" / f"{page.stem}.toml").is_file()
            assert study, f"{page.name} is named after no study"  # the one beside them: spinnet probe torch
            assert f"]({page.name})" in contents, f"{page.name}: add a line to docs/findings/index.md"
