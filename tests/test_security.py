"""Nothing in this project reads a file that could run code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from test_project import python_sources

ROOT = Path(__file__).parents[1]
# A copy that the process has made itself, to see whether a kernel can be copied that way.
OWN_COPIES = {"kerv/testing.py", "tests/test_kernels.py"}
LOADERS = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "cPickle.load", "dill.load"),
    *("joblib.load", "cloudpickle.load", "cloudpickle.loads", "shelve.open", "marshal.load"),
    *("pandas.read_pickle", "pd.read_pickle", "yaml.load", "yaml.unsafe_load"),
}


def unsafe(source: str) -> list[str]:
    """The calls in a source that may run what a file says."""
    found, full = [], {}
    tree = ast.parse(source)
    for node in ast.walk(tree):  # `from torch import load as l`, and `import torch as t`
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        if isinstance(node, ast.Import):
            full |= {a.asname: a.name for a in node.names if a.asname}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        head, dot, rest = ast.unparse(node.func).partition(".")
        name = full.get(head, head) + dot + rest
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if (
            name in LOADERS
            or (name == "torch.load" and given.get("weights_only") != "True")
            or given.get("allow_pickle") == "True"
            or name.endswith(("hub.load", "hub.load_state_dict_from_url"))
        ):
            found.append(ast.unparse(node))
    return found


def test_no_pickle_is_loaded() -> None:
    found = {name: calls for name, source in python_sources() if (calls := unsafe(source))}
    assert found.keys() == OWN_COPIES
    assert all("pickle.loads(pickle.dumps(" in call for calls in found.values() for call in calls)


@pytest.mark.parametrize(
    ("source", "is_unsafe"),
    [
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=False)", True),
        ("torch.load(path, weights_only=True)", False),
        ("x = pickle.load(open('a', 'rb'))", True),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path)", False),
        ("torch.hub.load('a', 'b')", True),
        ("yaml.safe_load(text)", False),
        ("yaml.load(text)", True),
        ("from pickle import load\nload(f)", True),
        ("import pickle as p\np.load(f)", True),
        ("from torch import load\nload(f)", True),
    ],
)
def test_unsafe_calls_are_found(source: str, is_unsafe: bool) -> None:
    assert bool(unsafe(source)) == is_unsafe


def test_records_are_json_and_weights_safetensors() -> None:
    files = [f for f in (ROOT / "kerv/records").rglob("*") if f.is_file()]
    kinds = {f.suffix for f in files} - {".py", ".pyc"}
    assert kinds <= {".json", ".safetensors"}
    for file in files:
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
        elif file.suffix == ".safetensors":
            # It opens with the length of its header, which is JSON.
            raw = file.read_bytes()
            json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
