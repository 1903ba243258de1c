from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.variants.catalog import VARIANTS, Catalog, Licence, Variant
from engine.variants.licences import LicenceUnacknowledged, require_acknowledged
from tests.engine import toys

FREE = Licence(name="Apache-2.0", commercial=True)
BOUND = Licence(name="Some [dev] Licence", commercial=False)


@pytest.fixture
def variant() -> Callable[[str, Licence], Variant]:
    plain = Variant.from_toml("toy", toys.VARIANT.format(weights="weights"))
    return lambda name, licence: replace(plain, name=name, licence=licence)


def test_what_may_be_used_commercially_needs_no_acknowledgement(
    variant: Callable[[str, Licence], Variant],
) -> None:
    require_acknowledged([variant("a", FREE), variant("b", FREE)], "")


@pytest.mark.parametrize("named", ["b", "Some [dev] Licence", " x, B ,", "some [DEV] licence,a"])
def test_a_variant_is_acknowledged_by_its_name_or_its_licences(
    variant: Callable[[str, Licence], Variant], named: str
) -> None:
    require_acknowledged([variant("a", FREE), variant("b", BOUND)], named)


@pytest.mark.parametrize("named", ["", ",", "a", "bb", "Some", "Apache-2.0", "*", "all", "true"])
def test_nothing_else_acknowledges_it(
    variant: Callable[[str, Licence], Variant], named: str
) -> None:
    with pytest.raises(LicenceUnacknowledged):
        require_acknowledged([variant("a", FREE), variant("b", BOUND)], named)


def test_one_sentence_names_all_that_is_missing_and_the_setting(
    variant: Callable[[str, Licence], Variant],
) -> None:
    variants = [variant("a", FREE), variant("b", BOUND), variant("c", BOUND), variant("d", BOUND)]
    with pytest.raises(LicenceUnacknowledged) as failure:
        require_acknowledged(variants, "c")
    assert str(failure.value) == (
        "No commercial use is allowed of b (Some [dev] Licence), d (Some [dev] Licence): read the "
        "licence, then put its name or the variant's into REROLL_ACKNOWLEDGED_LICENCES."
    )


def test_the_variants_that_are_bound_are_these() -> None:
    names = [path.stem for path in VARIANTS.glob("*.toml")]
    catalog = Catalog.load(names)
    bound = {name for name in names if not catalog[name].licence.commercial}
    tools = {f"flux1-{name}" for name in ("kontext", "fill", "canny", "depth", "redux")}
    assert bound == {"flux1-dev", *tools, "flux2-dev", "flux2-klein-9b"}
    for name in names:
        assert "," not in catalog[name].licence.name, "the setting separates names by commas"


@pytest.mark.parametrize("named", ["", "toy", "Bound"])
def test_a_command_draws_a_bound_variant_only_where_it_is_acknowledged(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    named: str,
) -> None:
    text = (project / "variants" / "toy.toml").read_text()
    bound = text.replace('name = "None"\ncommercial = true', 'name = "Bound"\ncommercial = false')
    (tmp_path / "toy.toml").write_text(bound)
    monkeypatch.setenv("REROLL_ACKNOWLEDGED_LICENCES", named)
    out = tmp_path / "out"

    command = ["imagine", "x", "--variant", "toy", "--steps", "1", "--out", str(out)]
    code = main([*command, "--variants-folder", str(tmp_path)])

    assert code == (0 if named else 2)
    assert bool(list(out.glob("*.png"))) == bool(named)
    if not named:
        (sentence,) = capsys.readouterr().err.splitlines()
        assert "toy (Bound)" in sentence
        assert "REROLL_ACKNOWLEDGED_LICENCES" in sentence
