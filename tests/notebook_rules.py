"""The rules of a chapter, each a function that returns what is wrong with a notebook.

An empty list means that the rule is kept. `RULES` and `TEXT_RULES` at the end list them all;
tests/test_notebooks.py applies them and shows that each can fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode
from run_notebooks import source_hashes

MAX_LINES, MAX_COLUMNS = 20, 88

# The parts of every chapter, in this order. A part is opened by a heading or by bold words.
PARTS = [
    "You will be able to",
    "You need",
    "Check yourself",
    "Summary",
    "Exercises",
    "References",
]
SECTION = re.compile(r"^(?:#{2,3}\s+|\*\*)(" + "|".join(PARTS) + r")\b", re.MULTILINE)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """(name, source) of each Markdown cell."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield f"cell {cell.get('id')}", cell.source


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """(name, output) of each stored output."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield f"cell {cell.get('id')}", output


def output_text(output: NotebookNode) -> str:
    """What an output says in words: printed text and text or HTML results, not pictures."""
    said = [str(output.get("text", ""))]
    said += [str(v) for k, v in output.get("data", {}).items() if k.startswith("text/")]
    # Pictures inside HTML are long random-looking words, in which anything can be found.
    return re.sub(r"[A-Za-z0-9+/=]{200,}", "", "\n".join(said))


def without_code(markdown: str) -> str:
    """Markdown without its fenced blocks and inline code."""
    markdown = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)[^`].*?\1", "", markdown)


# The skeleton of a chapter


def opens_with_a_title(notebook: NotebookNode) -> list[str]:
    """One title, first, without mathematics; under it one line that says why to read on."""
    found = []
    first = notebook.cells[0]
    title, *paragraphs = first.source.strip().split("\n\n")
    if first.cell_type != "markdown" or not re.fullmatch(r"# \S.*", title):
        found.append("the first cell does not open with a title and an empty line")
    if "$" in title:
        found.append("the title holds mathematics, which other pages' contents do not typeset")
    why = paragraphs[0] if paragraphs else ""
    if len(why) < 20 or SECTION.match(why) or re.match(r"[#|\-]|\* |\d\.", why):
        found.append("no line under the title says why to read the chapter")
    for name, text in texts(notebook):
        plain = without_code(text)
        if len(re.findall(r"^# ", plain, re.MULTILINE)) > int(text == first.source):
            found.append(f"{name}: a second title")
    return found


def has_its_parts_in_order(notebook: NotebookNode) -> list[str]:
    everything = "\n\n".join(text for _, text in texts(notebook))
    seen = [match[1] for match in SECTION.finditer(everything)]
    if seen == PARTS:
        return []
    return [f"the parts are {seen}, and should be {PARTS}, each once"]


def promises_three_to_five_abilities(notebook: NotebookNode) -> list[str]:
    for _, text in texts(notebook):
        for match in SECTION.finditer(text):
            if match[1] == PARTS[0]:
                rest = text[match.end() :]
                following = SECTION.search(rest)
                promised = rest[: following.start()] if following else rest
                count = len(re.findall(r"^\s{0,3}[-*]\s|^\s{0,3}\d\.\s", promised, re.MULTILINE))
                return [] if 3 <= count <= 5 else [f"{PARTS[0]}: {count} items, not 3 to 5"]
    return [f"no part {PARTS[0]!r}"]


def sets_itself_up(notebook: NotebookNode) -> list[str]:
    """The first code cell imports, and on Colab installs kerv without touching torch."""
    source = code_cells(notebook)[0].source
    found = []
    if "import" not in source:
        found.append("the first code cell imports nothing")
    if "google.colab" not in source or "--no-deps" not in source:
        found.append("the first code cell does not install kerv with --no-deps on google.colab")
    return found


def asks_and_answers(notebook: NotebookNode) -> list[str]:
    """`kerv.check` follows "Check yourself"; an exercise has a solution to open."""
    part, checked = "", False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            part = [part, *SECTION.findall(cell.source)][-1]
        elif part == "Check yourself":
            checked |= re.search(r"\bcheck\b", cell.source) is not None
    found = [] if checked else ["no code cell under 'Check yourself' uses kerv.check"]
    everything = "\n\n".join(text for _, text in texts(notebook))
    pieces = SECTION.split(everything)
    exercises = dict(zip(pieces[1::2], pieces[2::2], strict=True)).get("Exercises", "")
    return found if "<details>" in exercises else [*found, "no exercise has a <details> solution"]


# Cells


def code_is_short(notebook: NotebookNode) -> list[str]:
    found = []
    for cell in code_cells(notebook):
        lines = cell.source.split("\n")
        widest = max(map(len, lines))
        if not cell.source.strip():
            found.append(f"cell {cell.id}: empty")
        if len(lines) > MAX_LINES:
            found.append(f"cell {cell.id}: {len(lines)} lines, more than {MAX_LINES}")
        if widest > MAX_COLUMNS:
            found.append(f"cell {cell.id}: {widest} columns, more than {MAX_COLUMNS}")
    return found


def cells_have_names(notebook: NotebookNode) -> list[str]:
    """Ids are given by hand: generated ones change in every tool and say nothing in a diff."""
    ids = [cell.get("id") for cell in notebook.cells]
    found = [f"id {i} is used {ids.count(i)} times" for i in sorted(set(ids)) if ids.count(i) > 1]
    generated = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]+)?")
    return found + [f"id {i} is a generated one" for i in ids if generated.fullmatch(str(i))]


# Stored outputs


def was_run_in_order(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected else [f"execution counts are {counts}, not 1, 2, 3, …"]


def outputs_are_fresh(notebook: NotebookNode) -> list[str]:
    stored = notebook.metadata.get("kerv", {}).get("executed", [])
    current = source_hashes(notebook)
    if stored == current:
        return []
    if len(stored) != len(current):
        return ["code cells were added or removed since the outputs were made: make notebooks"]
    changed = [
        c.id for c, a, b in zip(code_cells(notebook), stored, current, strict=True) if a != b
    ]
    return [f"cells {changed} changed since the outputs were made: make notebooks"]


def nothing_failed(notebook: NotebookNode) -> list[str]:
    found = [f"{name}: a stored error" for name, o in outputs(notebook) if o.output_type == "error"]
    noise = [f"{name}: stored stderr" for name, o in outputs(notebook) if o.get("name") == "stderr"]
    return found + noise


def outputs_name_no_machine(notebook: NotebookNode) -> list[str]:
    """No path, user or address of the machine that ran the notebook; no times; no addresses."""
    patterns = {
        "a path": r"(?<![\w./:-])/(?:home|root|Users|tmp|work|usr|opt|var)/\S*|\b[A-Z]:\\\S+",
        "a user or machine": r"\b[\w.-]+@[\w-]+\b|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)\b",
        "a date and time": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d",
        "an object's address": r"\b0x[0-9a-f]{6,}\b",
    }
    found = []
    for name, output in outputs(notebook):
        for what, pattern in patterns.items():
            if match := re.search(pattern, output_text(output)):
                found.append(f"{name}: the output holds {what}: {match[0]}")
    return found


def metadata_is_lean(notebook: NotebookNode) -> list[str]:
    """No widget state and no running times: they differ at every run and show nothing."""
    found = [f"widget state in {key}" for key in notebook.metadata if "widget" in key]
    for cell in notebook.cells:
        found += [
            f"cell {cell.id}: times in the metadata ({key})"
            for key in cell.metadata
            if key.lower() in ("execution", "executetime")
        ]
    for name, output in outputs(notebook):
        kinds = output.get("data", {})
        if any("widget" in kind for kind in kinds) and "text/html" not in kinds:
            found.append(f"{name}: a widget without HTML, which the static page cannot show")
    return found


def is_a_poor_alternative(alt: str) -> bool:
    return len(alt.strip()) < 15 or re.search(r"\.(png|svg|jpe?g|gif|webp)$", alt) is not None


def pictures_have_alternatives(notebook: NotebookNode) -> list[str]:
    found = []
    for cell in code_cells(notebook):
        if any(k.startswith("image/") for o in cell.outputs for k in o.get("data", {})):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            if is_a_poor_alternative(alt):
                found.append(f"cell {cell.id}: a picture with alternative text {alt!r}")
    for name, output in outputs(notebook):
        html = str(output.get("data", {}).get("text/html", ""))
        images = re.findall(r"<img\b[^>]*>", html)
        found += [f"{name}: {i[:60]} lacks alt" for i in images if not re.search(r"\balt=.{9}", i)]
    return found


def tables_are_read_as_tables(notebook: NotebookNode) -> list[str]:
    """The plain Markdown that the site takes for an output has none: only its MyST has."""
    return [
        f"cell {cell.id}: a table without the metadata mystnb.markdown_format = myst"
        for cell in code_cells(notebook)
        if any("|---" in o.get("data", {}).get("text/markdown", "") for o in cell.outputs)
        and cell.metadata.get("mystnb", {}).get("markdown_format") != "myst"
    ]


# Markdown that reads right on the site, on Colab and in the GitHub viewer. These also hold for .md.


def no_directives(text: str) -> list[str]:
    """MyST directives, roles, labels and comments show as raw text on Colab and GitHub."""
    directive = re.findall(r"^\s*(?:`{3,}|:{3,}|~{3,})\{[^}\n]+\}.*", text, re.MULTILINE)
    fenceless = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    role = re.findall(r"(?<![\w}`\\^_])\{[a-zA-Z][\w:+-]*\}`[^`]+`", fenceless)
    label = re.findall(r"^\([\w-]+\)=\s*$|^%\s.*", fenceless, re.MULTILINE)
    return [f"only MyST reads {found!r}" for found in directive + role + label]


def headings_hold_no_mathematics(text: str) -> list[str]:
    headings = re.findall(r"^#{1,6}\s.*", without_code(text), re.MULTILINE)
    return [f"mathematics in a heading: {h!r}" for h in headings if "$" in h or "\\(" in h]


def formulas_are_portable(text: str) -> list[str]:
    plain = without_code(text)
    found = [f"a link touches a formula: {m!r}" for m in re.findall(r"\]\([^)\n]*\)\$\S*", plain)]
    for formula in re.findall(r"\$\$(.*?)\$\$", plain, re.DOTALL):
        start = formula.strip()[:40]
        if re.search(r"\\begin\{(align|equation)\*?\}", formula):
            continue
        if "\n" in formula:
            found.append(f"$$ over several lines without align: {start!r}")
        elif r"\\" in formula and r"\tag" in formula:
            # The site puts several rows into `split`, where the browser refuses a \tag.
            found.append(f"\\tag after several rows: {start!r}")
    found += [f"a macro of our own: {m!r}" for m in re.findall(r"\\(?:newcommand|def)\b.*", plain)]
    if plain.count("$$") % 2:
        found.append("a $$ without its partner")
    for row in re.findall(r"^\s*\|.*\|\s*$", plain, re.MULTILINE):
        # A table takes `\|` for a bar of its own, so the double bar of a norm becomes a single one.
        found += [
            f"\\| in a table, use \\lVert: {m!r}" for m in re.findall(r"\$[^$]*\\\|[^$]*\$", row)
        ]
    return found


def details_have_air(text: str) -> list[str]:
    """Without empty lines Markdown inside <details> stays raw text."""
    bad = re.findall(r"</summary>[^\n]*\n(?!\s*\n)|[^\n]\n[ \t]*</details>", without_code(text))
    return ["no empty line after </summary> or before </details>"] if bad else []


def linked_pictures_have_alternatives(text: str) -> list[str]:
    alts = re.findall(r"!\[([^\]]*)\]\(", without_code(text))
    for tag in re.findall(r"<img\b[^>]*>", text):
        alt = re.search(r'\balt="([^"]*)"', tag)
        alts.append(alt[1] if alt else "")
    return [
        f"a picture with alternative text {alt!r}" for alt in alts if is_a_poor_alternative(alt)
    ]


RULES = [
    opens_with_a_title,
    has_its_parts_in_order,
    promises_three_to_five_abilities,
    sets_itself_up,
    asks_and_answers,
    code_is_short,
    cells_have_names,
    was_run_in_order,
    outputs_are_fresh,
    nothing_failed,
    outputs_name_no_machine,
    metadata_is_lean,
    pictures_have_alternatives,
    tables_are_read_as_tables,
]
TEXT_RULES = [
    no_directives,
    headings_hold_no_mathematics,
    formulas_are_portable,
    details_have_air,
    linked_pictures_have_alternatives,
]
