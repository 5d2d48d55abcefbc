"""What the chapters read off an output stands in that output, as it is stored.

The numbers of records are computed again in test_prose.py. These are of runs that a chapter makes
itself, so whoever runs it anew and gets others finds out which sentences to change.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

BOOK = Path(__file__).parents[1] / "book"

# Notebook, cell of the text, what it says, cell of the output, what that has to hold.
READ_OFF = [
    (
        "02_kernel_trick",
        *("gaussian-read", "Up to degree 7 the error is still 0.0012"),
        *("gaussian-check", ["up to degree 7: 0.28529 error: 0.00122"]),
    ),
    (
        "04_three_numbers",
        *("recorded-read", "In the stem it is 0.76."),
        *("recorded-table", ["| linear | — | 0.99 | 1.00 | 0.76 |"]),
    ),
    (
        "06_learned_responses",
        *("contrast-read", "is about twenty times that at the lower end"),
        *("contrast-check", ["polynomial × 22, linear × 3.8"]),
    ),
    (
        "08_converting_networks",
        "table-read",
        "0.2 points below the control in the last layer, 0.4 in the first, and 4.2 in all three",
        "table",
        [
            "polynomial last 96.5 ± 0.1 −0.2",
            "polynomial first 96.3 ± 0.2 −0.4",
            "polynomial all 92.5 ± 0.4 −4.2",
        ],
    ),
    (
        "08_converting_networks",
        *("table-read", "in every place, by 0.3 to 1.3 points"),
        *("table", ["cosine first 95.9 ± 0.3 −0.8", "cosine last 96.4 ± 0.1 −0.3"]),
    ),
    (
        "08_converting_networks",
        *("answer", "a cosine in all three layers ends below the convolution"),
        *("table", ["cosine all 95.3 ± 0.3 −1.3 ± 0.8"]),
    ),
    (
        "08_converting_networks",
        *("table-read", "the two means differ by half a point or less"),
        *("table", ["polynomial first − last −0.2", "cosine first − last −0.4"]),
    ),
    (
        "09_robustness",
        *("attack-read", "keeps three pictures in four. After twenty steps it keeps none"),
        *("attack-table", ["FGSM 88.0% 93.6% 77.6%", "PGD 20, 2 starts 22.4% 25.6% 0.0%"]),
    ),
    (
        "10_audit",
        *("disguise-read", "the control falls to 86 %, and the cubic network to 20 %"),
        *("disguise-run", ["cubic 100.0% 100.0% 20.0%", "3u + 1 54.3% 100.0% 86.0%"]),
    ),
    (
        "10_audit",
        *(
            "script-rate-result",
            "cubic network has 99.10 % in the mean, and the interval reaches 0.08 to",
        ),
        *("script-rate-best", ["99.10 %, interval ± 0.08", "99.04 %, interval ± 0.30"]),
    ),
    (
        "10_audit",
        *("script-rate-result", "there the convolution is ahead in the mean"),
        *("script-rate-checks", ["epoch 10: cubic − convolution, validation, -0.17"]),
    ),
    (
        "10_audit",
        *("script-rate-result", "From epoch 11 on the cubic network is one or two tenths ahead"),
        *("script-rate-checks", ["epoch 11: cubic − convolution, validation, +0.18"]),
    ),
    (
        "06_learned_responses",
        *("same-read", "Gaussian and cosine had the convolution's, and the polynomial"),
        "networks",
        [
            "test 99.16%, learning rate 0.05, LinearKernel()",
            "learning rate 0.0125, PolynomialKernel",
            "learning rate 0.05, GaussianKernel",
            "learning rate 0.05, CosineKernel",
        ],
    ),
    (
        "06_learned_responses",
        *("deeper-read", "reach between 1.7 and 3.4 times what any part of our digits does"),
        *("deeper-climb", ["response 3.4 times the best", "response 1.7 times the best"]),
    ),
    (
        "11_beyond",
        *("signals-read", "with one it is 24 points behind the correlation"),
        *("signals-verdict", ["correlation − cosine +0.3 ± 2.2 +23.5 ± 6.9"]),
    ),
    (
        "11_beyond",
        *("signals-read", "is three points behind the correlation"),
        *("signals-verdict", ["taught gain +2.7 ± 1.7 +7.0 ± 5.0", "local +0.4 ± 2.5 +2.1 ± 3.8"]),
    ),
    (
        "11_beyond",
        *("signals-read", "the correlation is four points ahead"),
        *("signals-verdict", ["taught both − local, taught both +1.4 ± 2.3 +4.3 ± 3.2"]),
    ),
    (
        "11_beyond",
        *("random-read", "Here it is eight"),
        *("random-run", ["Q = 100: error 0.0761", "Q = 10000: error 0.0092"]),
    ),
]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("notebook", "text", "said", "code", "printed"),
    READ_OFF,
    ids=[f"{row[0][:2]}-{row[1]}-{i}" for i, row in enumerate(READ_OFF)],
)
def test_what_is_read_off(
    notebook: str, text: str, said: str, code: str, printed: list[str]
) -> None:
    cells = {c.id: c for c in nbformat.read(BOOK / f"{notebook}.ipynb", as_version=4).cells}
    assert said in words(cells[text].source)
    outputs = cells[code].outputs
    stored = words(" ".join(o.get("text") or str(o.get("data", "")) for o in outputs))
    for part in printed:
        assert part in stored
