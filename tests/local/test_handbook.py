"""The page of all commands is what the command tree says now."""

from local import handbook


def test_the_page_of_commands_is_up_to_date() -> None:
    stands = handbook.PAGE.read_text(encoding="utf-8")
    assert stands == handbook.page(), (
        "run `make docs` (python -m local.handbook) and commit the page"
    )
