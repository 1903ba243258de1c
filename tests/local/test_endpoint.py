import pytest

from bot.endpoint import use_local_discord


@pytest.mark.parametrize(
    "url",
    [
        "http://discord.com",
        "http://10.0.0.7:8000",
        "https://127.0.0.1:1",
        "http://127.0.0.1.nip.io",
    ],
)
def test_no_host_but_this_machine_is_taken(url: str) -> None:
    with pytest.raises(ValueError, match="this very machine"):
        use_local_discord(url, "local-discord")


def test_a_token_that_looks_real_never_goes_to_the_local_discord() -> None:
    token = "M" * 24 + "." + "G" * 6 + "." + "x" * 38
    with pytest.raises(ValueError, match="real bot token") as caught:
        use_local_discord("http://127.0.0.1:1", token)
    assert token not in str(caught.value)
