from local.discord.limits import Buckets, Rates

RATES = Rates(per_channel=2, per_webhook=1, window=10.0)
CHANNEL = "/channels/1/messages"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_window_refuses_what_is_over_and_opens_again_when_it_ends() -> None:
    hands = Hands()
    buckets = Buckets(RATES, hands)
    verdicts = [buckets.take("POST", CHANNEL) for _ in range(3)]
    assert [verdict and verdict.refused for verdict in verdicts] == [False, False, True]
    hands.at += 9.9
    late = buckets.take("POST", CHANNEL)
    assert late is not None
    assert late.refused
    hands.at += 0.2
    fresh = buckets.take("POST", CHANNEL)
    assert fresh is not None
    assert (fresh.refused, fresh.left) == (False, 1)


def test_channels_and_tokens_are_counted_apart() -> None:
    buckets = Buckets(RATES, Hands())
    paths = [CHANNEL, "/channels/2/messages/5", "/webhooks/1/a", "/webhooks/1/b"]
    verdicts = [buckets.take("PATCH", path) for path in paths]
    assert [verdict and verdict.refused for verdict in verdicts] == [False] * 4


def test_callbacks_and_reading_are_free() -> None:
    buckets = Buckets(RATES, Hands())
    assert buckets.take("POST", "/interactions/1/token/callback") is None
    assert buckets.take("GET", CHANNEL) is None
