"""Which addresses are reached through the proxy of the environment."""

import pytest

from store.host.proxies import Proxy, ProxyUnusable, proxy_for

DISCORD = "https://discord.com/api/v10"
WITH_LOGIN = Proxy("https://[::1]:1", ("a@b", "c"))


@pytest.mark.parametrize(
    ("told", "url", "proxy"),
    [
        ({}, DISCORD, None),
        ({"HTTPS_PROXY": ""}, DISCORD, None),
        ({"HTTPS_PROXY": "http://10.0.0.1:7890/"}, DISCORD, Proxy("http://10.0.0.1:7890")),
        ({"https_proxy": "10.0.0.1:7890"}, DISCORD, Proxy("http://10.0.0.1:7890")),
        ({"HTTPS_PROXY": "https://a%40b:c@[::1]:1"}, DISCORD, WITH_LOGIN),
        ({"HTTPS_PROXY": "http://a:b@proxy:1"}, "http://127.0.0.1:80/api", None),
        ({"HTTP_PROXY": "http://10.0.0.1:7890"}, DISCORD, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.org,discord.com"}, DISCORD, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, DISCORD, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "cord.com"}, DISCORD, Proxy("http://p:1")),
    ],
)
def test_the_environment_says_which_way(
    told: dict[str, str], url: str, proxy: Proxy | None
) -> None:
    assert proxy_for(url, told) == proxy


def test_a_password_is_not_in_what_is_logged_of_one() -> None:
    assert "secret" not in repr(proxy_for(DISCORD, {"HTTPS_PROXY": "http://me:secret@p:1"}))


@pytest.mark.parametrize("named", ["socks5://me:secret@127.0.0.1:1080", "http://", "http:///x"])
def test_what_is_no_http_proxy_is_refused_without_being_repeated(named: str) -> None:
    with pytest.raises(ProxyUnusable, match="HTTPS_PROXY") as caught:
        proxy_for(DISCORD, {"HTTPS_PROXY": named})
    assert "secret" not in str(caught.value)
