"""The book as one repository publishes it: `make publish-preview REPO=owner/name`.

    python book/_ext/publish.py owner/name _build/publish

The address of the repository stands in _config.yml. Wherever it occurs, the given one
takes its place, so a fork publishes a book that leads to the fork. Two folders result:

    source/     what the site is built from
    notebooks/  what the launch buttons open, for the branch `colab`: a badge at the
                top, links that work where the notebook is all there is
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode
from run_notebooks import source_hashes

ROOT = Path(__file__).resolve().parents[2]
COLAB = "https://colab.research.google.com"
BRANCH = "colab"
# Links are looked for outside of these: fenced blocks, inline code, formulas.
NO_LINKS = re.compile(
    r"(```.*?```|~~~.*?~~~|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$)", re.DOTALL
)
LINK = re.compile(r"(!?)(\[[^\]]*\]\()([^)\s]+)")

README = """# The chapters, for Colab

Made by the workflow `pages.yml` of [{name}]({code}) from its folder `book`. A change
here is lost with the next publication.

{chapters}

The same chapters with all their pages: <{site}>. Text and figures are
[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), the code is MIT.
"""


@dataclass(frozen=True)
class Repository:
    """A repository at GitHub, and the addresses that follow from its name."""

    owner: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Repository:
        match = re.fullmatch(
            r"(?:https://github\.com/)?([\w-]+)/([\w.-]+?)(?:\.git)?/?", text
        )
        if not match:
            raise ValueError(
                f"{text!r} is no repository: REPO=owner/name, as in its address"
            )
        return cls(match[1], match[2])

    @property
    def code(self) -> str:
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site(self) -> str:
        host = f"{self.owner.lower()}.github.io"
        return f"https://{host}/" + (
            "" if self.name.lower() == host else f"{self.name}/"
        )

    def colab(self, path: str) -> str:
        return f"{COLAB}/github/{self.owner}/{self.name}/blob/{BRANCH}/{path}"

    def raw(self, path: str) -> str:
        host = "https://raw.githubusercontent.com"
        return f"{host}/{self.owner}/{self.name}/{BRANCH}/{path}"


def configured(root: Path = ROOT) -> Repository:
    """The repository that _config.yml names."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return Repository.parse(config["repository"]["url"])


def readdress(text: str, old: Repository, new: Repository) -> str:
    """Write the new address wherever the old one occurs, in every form of it."""
    owner, name = re.escape(old.owner), re.escape(old.name)
    text = re.sub(
        rf"(?i)(github(?:\.com)?/){owner}/{name}(?![\w-])",
        lambda match: f"{match[1]}{new.owner}/{new.name}",
        text,
    )
    site = re.escape(old.site.rstrip("/"))
    return re.sub(rf"(?i){site}(?:/|(?![\w-]))", new.site, text)


def rewrite(file: Path, old: Repository, new: Repository) -> bool:
    """Write the new address into a file, if it is text. Says whether it changed."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    written = readdress(text, old, new)
    file.write_bytes(written.encode())
    return written != text


def relink(markdown: str, target: Callable[[str], str]) -> str:
    """Replace the target of every link and picture; code and formulas stay."""
    parts = NO_LINKS.split(markdown)
    parts[::2] = [
        LINK.sub(lambda match: f"{match[1]}{match[2]}{target(match[3])}", part)
        for part in parts[::2]
    ]
    return "".join(parts)


def for_colab(
    notebook: NotebookNode, path: str, repository: Repository, book: Path
) -> NotebookNode:
    """The notebook as Colab needs it: nothing of the book lies beside it there.

    Args:
        notebook: with the address of `repository` in it already; changed in place.
        path: where it lies in the repository, such as book/01_linear_limits.ipynb.
        book: the folder that relative links mean.

    Raises:
        ValueError: a link leads nowhere, or to something with no place on Colab.
    """

    def target(link: str) -> str:
        file, _, heading = link.partition("#")
        if not file or re.match(r"[a-z]+:", file):
            return link
        if not (book / file).is_file():
            raise ValueError(f"{path}: the link {link!r} leads nowhere")
        if file.endswith(".ipynb"):
            return repository.colab(f"book/{file}")
        if file.endswith(".md"):
            page = f"{repository.site}book/{file.removesuffix('.md')}.html"
            return page + (f"#{heading}" if heading else "")
        if re.fullmatch(r"assets/[^/]+\.png", file):
            return repository.raw(f"book/{file}")
        raise ValueError(f"{path}: the link {link!r} has no place on Colab")

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relink(cell.source, target)
    opens = repository.colab(path)
    badge = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({opens})"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge, id="open-in-colab"))
    # It says which outputs are fresh, for the sources alone.
    notebook.metadata.pop("kerv", None)
    return notebook


def publish(new: Repository, out: Path, root: Path = ROOT) -> None:
    """Write source/ and notebooks/ into `out`."""
    old = configured(root)
    source, notebooks = out / "source", out / "notebooks"
    leave = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(root / "book", source / "book", ignore=leave)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, source / name)
    for file in source.rglob("*"):
        if file.is_file():
            rewrite(file, old, new)
    config = (source / "_config.yml").read_text(encoding="utf-8")
    launched = re.sub(r"(?m)^(  branch:) .*$", rf"\1 {BRANCH}", config)
    (source / "_config.yml").write_text(launched, encoding="utf-8")
    (notebooks / "book" / "assets").mkdir(parents=True)
    for picture in (source / "book" / "assets").glob("*.png"):
        shutil.copy(picture, notebooks / "book" / "assets")
    chapters = []
    for file in sorted((source / "book").glob("*.ipynb")):
        notebook = nbformat.read(file, as_version=4)
        title = notebook.cells[0].source.split("\n")[0].removeprefix("# ")
        path = f"book/{file.name}"
        chapters.append(f"* [{title}]({new.colab(path)})")
        for_colab(notebook, path, new, file.parent)
        nbformat.write(notebook, notebooks / path)
    text = README.format(
        name=f"{new.owner}/{new.name}",
        code=new.code,
        site=new.site,
        chapters="\n".join(chapters),
    )
    (notebooks / "README.md").write_text(text, encoding="utf-8")


def settle(new: Repository, root: Path = ROOT) -> list[str]:
    """Write the new address into every tracked file. Returns those that changed."""
    old = configured(root)
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True, text=True
    )
    names = filter(None, listed.stdout.split("\0"))
    changed = [name for name in names if rewrite(root / name, old, new)]
    for name in changed:
        if name.endswith(".ipynb"):
            # The set-up cell changed, and what it prints here did not.
            notebook = nbformat.read(root / name, as_version=4)
            notebook.metadata.kerv = {"executed": source_hashes(notebook)}
            nbformat.write(notebook, root / name)
    return changed


def main(arguments: list[str]) -> int:
    try:
        repository = Repository.parse(arguments[0] if arguments else "")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if len(arguments) == 2:
        publish(repository, Path(arguments[1]))
    else:
        print("\n".join(settle(repository)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
