"""What is made of the list of vulnerabilities."""

from tests.audit import judged

FAULT = {"id": "CVE-1", "fix_versions": ["2.0"]}


def test_a_fault_with_a_mended_version_fails() -> None:
    lines, code = judged([{"name": "a", "version": "1.0", "vulns": [FAULT]}])
    assert code == 1
    assert lines[0] == "a 1.0: CVE-1, mended in 2.0"


def test_a_fault_without_one_is_told() -> None:
    fault = {**FAULT, "fix_versions": []}
    lines, code = judged([{"name": "a", "version": "1", "vulns": [fault]}, {"name": "b"}])
    assert code == 0
    assert "no mended version yet" in lines[0]
    assert "1 of 2 packages" in lines[1]


def test_a_list_that_cannot_be_reached_fails_nobody() -> None:
    for packages in ([], [{"name": "a", "skip_reason": "not found"}]):
        lines, code = judged(packages)
        assert code == 0
        assert "nothing was looked at" in lines[0]
