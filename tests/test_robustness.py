"""Attacks on recorded networks: what is written, what is skipped, and what the tables hold."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from kerv import attacks, audit, data, findings, plan, records, robustness, scaling, train
from kerv.findings import Finding

FEW = robustness.Group(("convolution", "gaussian"), (0.1,), 8)


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise in the shape of MNIST, and one small group of its networks."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (16, 1, 28, 28), dtype=torch.uint8, generator=generator)
    # What the convolution takes them for: so untouched it gets all, and an attack has work to do.
    y = train.recorded_network("mnist/convolution-seed0")(x / 255).argmax(1)
    # The pictures that it was trained on are others.
    noise = data.Dataset(
        "mnist", 255 - x, 9 - y, x, y, tuple("0123456789"), torch.zeros(1), torch.ones(1)
    )
    monkeypatch.setattr("kerv.data.load", lambda name, root=None: noise)
    monkeypatch.setattr(robustness, "GROUPS", {"mnist": FEW})
    monkeypatch.setattr(robustness.plan, "SEEDS", (0,))


@pytest.mark.usefixtures("digits")
def test_each_network_is_attacked_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "robustness.json"
    assert robustness.attack_missing(target) == 2
    assert "mnist/gaussian-seed0 on 8 pictures of mnist" in capsys.readouterr().out
    found = json.loads(target.read_text())
    assert found.keys() == {"mnist/convolution-seed0", "mnist/gaussian-seed0"}
    keys = {robustness.UNTOUCHED, *(f"{a}, ε = 0.1000" for a in robustness.ATTACKS)}
    for accuracies in found.values():
        assert accuracies.keys() == keys | {f"{robustness.FOREIGN}, ε = 0.1000"}
        assert all(0 <= a <= 1 for a in accuracies.values())
    # What was made for the convolution is for it the attack of as many steps.
    plain = found["mnist/convolution-seed0"]
    assert plain[robustness.UNTOUCHED] == 1 > plain["PGD, 20 steps, ε = 0.1000"]
    assert plain[f"{robustness.FOREIGN}, ε = 0.1000"] == plain["PGD, 20 steps, ε = 0.1000"]

    before = target.read_bytes()
    assert robustness.attack_missing(target) == 0
    assert target.read_bytes() == before
    del found["mnist/gaussian-seed0"]
    monkeypatch.setattr(robustness, "recorded", lambda: found)
    assert robustness.missing() == ["mnist/gaussian-seed0"]
    target.write_text(json.dumps(found))
    assert robustness.attack_missing(target) == 1
    assert target.read_bytes() == before


@pytest.mark.parametrize("group", robustness.GROUPS)
def test_records_are_whole_and_more_steps_find_more(group: str) -> None:
    found, chosen = robustness.recorded(), robustness.GROUPS[group]
    runs = [f"{group}/{name}-seed{seed}" for name in chosen.contestants for seed in plan.SEEDS]
    assert set(runs) & set(records.names()) <= found.keys()
    for of in (found[run] for run in runs if run in found):
        assert len(of) == 1 + len(chosen.radii) * (len(robustness.ATTACKS) + 1)
        for radius in chosen.radii:
            steps = [of[robustness.key(attack, radius)] for attack in robustness.ATTACKS]
            assert steps[2] <= steps[1] + 0.01
            assert steps[1] <= steps[0] + 0.01
            assert steps[0] <= of[robustness.UNTOUCHED]
    rows = robustness.table(group).splitlines()
    assert len(rows) == 3 + len(chosen.radii) * (len(robustness.ATTACKS) + 1)
    assert all(row.count("|") == rows[0].count("|") for row in rows)


def test_an_unknown_group_names_those_there_are() -> None:
    with pytest.raises(
        ValueError, match="group must be one of attacked-digits, attacked, got 'cif"
    ):
        robustness.table("cifar")
    with pytest.raises(ValueError, match="gaussian, cosine, got 'l2'"):
        robustness.accuracies("attacked-digits/l2")
    with pytest.raises(ValueError, match="gaussian, cosine, got 'l2'"):
        robustness.table("attacked-digits", ["l2"])


def test_a_missing_dataset_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> None:
        raise data.DataError("no MNIST here")

    monkeypatch.setattr(robustness, "attack_missing", missing)
    assert robustness.main(["--run"]) == 1
    assert capsys.readouterr().err == "kerv.robustness: no MNIST here\n"


def test_each_attack_is_made_for_its_network(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, dict[str, int], bool]] = []
    networks = {name: torch.nn.Flatten() for name in ("convolution", "gaussian")}
    names = {network: name for name, network in networks.items()}

    def watched(network, x, y, *, epsilon, generator=None, **settings):  # type: ignore
        made.append((names[network], settings, generator is not None))
        return x

    monkeypatch.setattr(attacks, "pgd", watched)
    monkeypatch.setattr(robustness, "_logits", lambda run, dataset: networks[run])
    x, y = torch.rand(2, 1, 1, 3), torch.tensor([0, 1])
    robustness._under_attack("gaussian", "convolution", (0.1, 0.2, 0.3), None, x, y)
    ours = [("gaussian", s, "restarts" in s) for s in robustness.ATTACKS.values()]
    assert made == [*ours, ("convolution", {"steps": 20}, False)] * 3


def test_the_attacked_network_sees_pictures_as_it_was_trained() -> None:
    x = torch.rand(4, 3, 32, 32)
    none, mean, std = torch.zeros(0), torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.2])
    made = data.Dataset("cifar10", none, none, none, none, (), mean, std)
    expected = train.recorded_network("light/correlation-seed0")(scaling.scaler("scalar", made)(x))
    found = robustness._logits("light/correlation-seed0", made)(x)
    torch.testing.assert_close(found, expected)


def test_who_loses_less_to_an_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [robustness.key(a, 0.1) for a in (*robustness.ATTACKS, robustness.FOREIGN)]
    attacked = {
        f"mnist/{name}-seed{seed}": {"untouched": whole, **dict.fromkeys(tried, left)}
        for name, whole, left in (("convolution", 0.9, 0.4), ("gaussian", 0.8, 0.5))
        for seed in range(3)
    }
    group = robustness.Group(("convolution", "gaussian"), (0.1,), 8)
    monkeypatch.setattr(robustness, "GROUPS", {"mnist": group})
    monkeypatch.setattr(robustness, "recorded", lambda: attacked)
    ours, theirs = "mnist/gaussian", "mnist/convolution"
    gap = "+20.00 ± 0.00"
    words = f"loses 30.00 ± 0.00 against 50.00 ± 0.00 points; saved {gap}"
    find = partial(findings.resists, ours, theirs, "FGSM", 0.1)
    assert find() == Finding(words, "reproduced", gap)
    assert findings.resists(theirs, ours, "FGSM", 0.1).verdict == "not reproduced"
    rows = robustness.table("mnist").splitlines()
    assert rows[2:4] == [
        "| untouched | 0.000 | 90.0 ± 0.0 | 80.0 ± 0.0 |",
        "| FGSM | 0.100 | 40.0 ± 0.0 | 50.0 ± 0.0 |",
    ]
    with pytest.raises(ValueError, match=r"'FGMS' with radius 0\.1 was not tried"):
        robustness.accuracies("mnist/gaussian", "FGMS", 0.1)

    del attacked["mnist/gaussian-seed2"]
    assert find() == Finding("", audit.NOT_RUN), "one of the networks was not attacked"
