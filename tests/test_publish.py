"""What a fork publishes: every address in it is the fork's own, and leads to something."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import notebook_rules
import offline
import publish
import pytest
import run_notebooks
import yaml
from publish import Repository, for_colab, readdress, relink
from push_notebooks import push

ROOT = Path(__file__).parents[1]
OLD = publish.configured()
FORK = Repository("Ada", "my-kernels")
PLACEHOLDER = re.compile(
    rf"{re.escape(OLD.owner)}(?:/|\.github\.io/){re.escape(OLD.name)}(?![\w-])", re.IGNORECASE
)
URL = re.compile(r"https?://[^\s\"'<>\\)\]`}]+")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published")
    publish.publish(FORK, out)
    return out


def notebooks(folder: Path) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    for path in sorted((folder / "notebooks" / "book").glob("*.ipynb")):
        yield path.name, nbformat.read(path, as_version=4)


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Whatever a reader of the branch sees: the README, and each cell with its outputs."""
    yield "README.md", (folder / "notebooks" / "README.md").read_text(encoding="utf-8")
    for name, notebook in notebooks(folder):
        for cell in notebook.cells:
            yield f"{name}, cell {cell.id}", cell.source
            for output in cell.get("outputs", []):
                yield f"{name}, output of {cell.id}", notebook_rules.output_text(output)


def unchanged(folder: Path) -> list[str]:
    """The files in which the address is still the one of this repository."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [
        path.relative_to(folder).as_posix()
        for path in files
        if PLACEHOLDER.search(path.read_bytes().decode("latin-1"))
    ]


def wrong(url: str, folder: Path) -> str | None:
    """What is wrong with an address in the published notebooks, or None."""
    url = url.rstrip(".,;:")
    if PLACEHOLDER.search(url):
        return "the placeholder"
    inside = {
        f"{publish.COLAB}/github/Ada/my-kernels/blob/colab/": folder / "notebooks",
        "https://raw.githubusercontent.com/Ada/my-kernels/colab/": folder / "notebooks",
        "https://github.com/Ada/my-kernels/blob/main/": ROOT,
    }
    for start, place in inside.items():
        if url.startswith(start):
            path = url.removeprefix(start).partition("#")[0]
            return None if (place / path).is_file() else f"{path} is not there"
    site = "https://ada.github.io/my-kernels/"
    if url.startswith(site + "book/"):
        page = url.removeprefix(site).partition("#")[0].removesuffix(".html")
        listed = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
        files = {c["file"] for part in listed["parts"] for c in part["chapters"]}
        return None if page in files | {listed["root"]} else f"{page} is no page"
    if url.startswith(site + "downloads/"):
        # The command that makes these files says where.
        made = url.removeprefix(site)
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        return None if f"_build/publish/{made}\n" in makefile else f"{made} is not made"
    if url in (site, "https://github.com/Ada/my-kernels", "https://github.com/Ada/my-kernels.git"):
        return None
    if url.startswith("https://github.com/Ada/my-kernels/issues"):
        return None
    if re.search(r"my-kernels|/blob/main/book/", url):
        return "of no known form"
    return None


def test_every_address_is_the_forks_own_and_leads_somewhere(published: Path) -> None:
    count, found = 0, []
    for name, text in texts(published):
        for url in URL.findall(text):
            count += 1
            if problem := wrong(url, published):
                found.append(f"{name}: {url}: {problem}")
    assert found == []
    assert count > 20


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"{OLD.code}/issues", "placeholder"),
        (OLD.site, "placeholder"),
        ("https://github.com/Ada/my-kernels/blob/main/book/none.ipynb", "is not there"),
        (f"{publish.COLAB}/github/Ada/my-kernels/blob/colab/book/none.ipynb", "is not there"),
        (f"{publish.COLAB}/github/Ada/my-kernels/blob/main/book/03_kernel_conv.ipynb", "no known"),
        ("https://ada.github.io/my-kernels/book/none.html", "is no page"),
        ("https://ada.github.io/my-kernels/downloads/none.zip", "is not made"),
    ],
)
def test_a_wrong_address_is_found(published: Path, url: str, problem: str) -> None:
    assert problem in (wrong(url, published) or "")


def test_no_link_leads_into_a_folder_that_colab_does_not_have(published: Path) -> None:
    for name, notebook in notebooks(published):
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                seen: list[str] = []
                relink(cell.source, lambda link, seen=seen: seen.append(link) or link)
                local = [link for link in seen if not re.match(r"#|[a-z]+:", link)]
                assert local == [], f"{name}, cell {cell.id}"


def test_notebooks_have_badge_and_install_line_and_are_valid(published: Path) -> None:
    names = []
    for name, notebook in notebooks(published):
        nbformat.validate(notebook)
        opens = f"{publish.COLAB}/github/Ada/my-kernels/blob/colab/book/{name}"
        assert notebook.cells[0].source.endswith(f"]({opens})")
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        line = "    %pip install -q --no-deps git+https://github.com/Ada/my-kernels\n"
        assert line in code[0]
        names.append(name)
    assert names == sorted(path.name for path in (ROOT / "book").glob("*.ipynb"))


def test_the_sources_of_the_site_open_the_branch(published: Path) -> None:
    config = yaml.safe_load((published / "source/_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == FORK.code
    assert config["repository"]["branch"] == publish.BRANCH


def test_no_file_of_any_kind_keeps_the_address(published: Path, tmp_path: Path) -> None:
    assert unchanged(published) == []
    # Not only pages: the builder of assignments installs from it.
    builder = published / "source/book/exercises/_make/build.py"
    assert f"git+{FORK.code}" in builder.read_text(encoding="utf-8")
    (tmp_path / "a.py").write_text(f"# {OLD.site.lower()}x.html")
    (tmp_path / "b.png").write_bytes(b"\xff" + OLD.code.encode())
    (tmp_path / "c.md").write_text(f"{FORK.code} {OLD.code}-data")
    assert sorted(unchanged(tmp_path)) == ["a.py", "b.png"]


def test_publishing_changes_nothing_here_and_twice_is_the_same(
    published: Path, tmp_path: Path
) -> None:
    publish.publish(FORK, tmp_path)
    for path in (published / "notebooks").rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(published)).read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_address_of_the_built_site(published: Path, tmp_path: Path) -> None:
    """Launch buttons, links and set-up cells of every page, in what a reader downloads."""
    program = Path(sys.executable).with_name("jupyter-book")
    options = ["--all", "-q", "--path-output", str(tmp_path)]
    subprocess.run(
        [program, "build", published / "source", *options], check=True, capture_output=True
    )
    site = tmp_path / "_build" / "html"
    assert unchanged(site) == []
    launched = set()
    for page in sorted((site / "book").rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        problems = [(url, wrong(url, published)) for url in URL.findall(html)]
        assert [problem for problem in problems if problem[1]] == [], page.name
        launched |= {(page.stem, url) for url in URL.findall(html) if url.startswith(publish.COLAB)}
    listed = yaml.safe_load((published / "source/_toc.yml").read_text(encoding="utf-8"))
    files = [c["file"] for part in listed["parts"] for c in part["chapters"]]
    chapters = [f for f in files if (published / "source" / f"{f}.ipynb").is_file()]
    assert launched == {(Path(f).name, FORK.colab(f"{f}.ipynb")) for f in chapters}


# ----------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git+https://github.com/BEN/net\n", "git+https://github.com/Ada/my-kernels\n"),
        ("https://github.com/ben/net.git", "https://github.com/Ada/my-kernels.git"),
        ("google.com/github/BEN/net/blob/x", "google.com/github/Ada/my-kernels/blob/x"),
        ("https://BEN.github.io/net/a.html", "https://ada.github.io/my-kernels/a.html"),
        ("(https://ben.github.io/net)", "(https://ada.github.io/my-kernels/)"),
        ("https://github.com/BEN/net-data", "https://github.com/BEN/net-data"),
        ("https://github.com/BENS/net", "https://github.com/BENS/net"),
    ],
)
def test_readdress(text: str, expected: str) -> None:
    assert readdress(text, Repository("BEN", "net"), FORK) == expected


def test_readdress_from_a_site_of_the_owner() -> None:
    own = Repository("ben", "ben.github.io")
    text = "https://ben.github.io/downloads/a.zip https://ben.github.io https://ben.github.io-x"
    there = FORK.site
    assert readdress(text, own, FORK) == f"{there}downloads/a.zip {there} https://ben.github.io-x"


def test_a_repository_is_named_by_its_owner_and_name() -> None:
    assert Repository.parse("ben/net") == Repository("ben", "net")
    assert Repository.parse("https://github.com/ben/net/") == Repository("ben", "net")
    assert Repository.parse("https://github.com/ben/net.git") == Repository("ben", "net")
    assert Repository("Ada", "ada.github.io").site == "https://ada.github.io/"
    for text in ("", "kerv", "a/b/c", "a b/c", "https://example.org/a/b"):
        with pytest.raises(ValueError, match="is no repository: REPO=owner/name"):
            Repository.parse(text)


def test_the_command_without_a_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert publish.main([""]) == 2
    assert "REPO=owner/name" in capsys.readouterr().err


def test_relink_leaves_code_and_formulas() -> None:
    text = '[a](b) `[c](d)` $x[i](j)$ ![e](f)\n```\n[g](h)\n```\n[k](l "title")'
    expected = '[a](B) `[c](d)` $x[i](j)$ ![e](F)\n```\n[g](h)\n```\n[k](L "title")'
    assert relink(text, str.upper) == expected


def colab_links(source: str, book: Path) -> str:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
    return for_colab(notebook, "book/a.ipynb", FORK, book).cells[1].source


def test_links_of_a_chapter(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("b.ipynb", "c.md", "assets/d.png", "e.txt"):
        (tmp_path / name).write_text("")
    for link, expected in {
        "b.ipynb": FORK.colab("book/b.ipynb"),
        "b.ipynb#part": FORK.colab("book/b.ipynb"),
        "c.md#part": "https://ada.github.io/my-kernels/book/c.html#part",
        "assets/d.png": FORK.raw("book/assets/d.png"),
        "#here": "#here",
        "https://doi.org/1": "https://doi.org/1",
    }.items():
        assert colab_links(f"see [it]({link}).", tmp_path) == f"see [it]({expected})."
    with pytest.raises(ValueError, match=r"book/a.ipynb: the link 'f.md' leads nowhere"):
        colab_links("[f](f.md)", tmp_path)
    with pytest.raises(ValueError, match=r"the link 'e.txt' has no place on Colab"):
        colab_links("[e](e.txt)", tmp_path)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_settling_writes_the_address_everywhere(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    for name in ("_config.yml", "README.md", "CITATION.cff", "book/03_kernel_conv.ipynb"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notes.txt").write_text("nothing")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    changed = publish.settle(FORK, tmp_path)
    assert set(changed) == {
        *("_config.yml", "README.md", "CITATION.cff", "book/03_kernel_conv.ipynb")
    }
    assert publish.configured(tmp_path) == FORK
    notebook = nbformat.read(tmp_path / "book/03_kernel_conv.ipynb", as_version=4)
    assert "https://github.com/Ada/my-kernels\n" in notebook.cells[1].source
    assert notebook.metadata.kerv["executed"] == run_notebooks.source_hashes(notebook)
    assert publish.settle(FORK, tmp_path) == []


# ------------------------------------------------------------------------------- the branch


def test_push_makes_the_branch_and_pushes_only_what_is_new(tmp_path: Path) -> None:
    remote, here, folder = (tmp_path / name for name in ("remote.git", "here", "folder"))
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(tmp_path, "init", "-q", str(here))
    (here / "code.py").write_text("1\n")
    git(here, "add", "-A")
    git(here, "commit", "-qm", "code")
    git(here, "remote", "add", "origin", remote.as_uri())
    (folder / "book").mkdir(parents=True)
    (folder / "book" / "a.ipynb").write_text("{}\n")
    assert push(folder, "colab", here)
    assert not push(folder, "colab", here)
    (folder / "book" / "a.ipynb").write_text("{ }\n")
    assert push(folder, "colab", here)
    assert git(remote, "ls-tree", "-r", "--name-only", "colab") == "book/a.ipynb"
    assert git(remote, "rev-list", "--count", "colab") == "1"
    assert git(here, "status", "--porcelain") == ""
    with pytest.raises(RuntimeError, match="git ls-remote failed"):
        push(folder, "colab", here, "nowhere")


def test_make_pushes_the_branch_that_the_buttons_open() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"push_notebooks.py _build/publish/notebooks {publish.BRANCH}\n" in makefile
    assert f"{OLD.name}/blob/{publish.BRANCH}/book/" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


# ---------------------------------------------------------------------------- to take along


def test_zip_of_the_notebooks(published: Path, tmp_path: Path) -> None:
    first, second = (tmp_path / name / "kerv-notebooks.zip" for name in ("first", "second"))
    for target in (first, second):
        target.parent.mkdir()
        offline.pack_notebooks(published / "source", target)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = set(archive.namelist())
        chapter = archive.read("kerv-notebooks/03_kernel_conv.ipynb").decode()
    assert {f"kerv-notebooks/{p.name}" for p in (ROOT / "book").glob("*.ipynb")} <= names
    assert {Path(name).suffix for name in names} <= {".ipynb", ".md", ".png"}
    assert not any("exercises" in name for name in names)
    assert "github.com/Ada/my-kernels" in chapter


def test_the_command_of_the_zips(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "notebooks.zip"
    script = [sys.executable, ROOT / "book/_ext/offline.py"]
    command = [*script, "notebooks", published / "source", target]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(rf"{re.escape(str(target))}: \d+\.\d MB\n", said)
