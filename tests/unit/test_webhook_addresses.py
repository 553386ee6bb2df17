"""Which callback URLs are taken, and which addresses are outside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks import HttpCaller
from domain.errors import InvalidInput
from domain.ports import Webhooks
from domain.webhooks import BadUrl, Target, checked, is_outside, target_of

OPEN = Webhooks(HttpCaller(), (b"k" * 16,))
PRIVATE = Webhooks(HttpCaller(), (b"k" * 16,), allow_private=True)

TAKEN = {
    "https://hooks.example/told": Target("https", "hooks.example", 443, "/told"),
    "http://hooks.example": Target("http", "hooks.example", 80, "/"),
    "HTTPS://Hooks.Example./a?b=c#d": Target("https", "hooks.example", 443, "/a?b=c"),
    "http://hooks.example:443/": Target("http", "hooks.example", 443, "/"),
    "https://hooks.example:/": Target("https", "hooks.example", 443, "/"),
    "https://bird:p%40ss@hooks.example/": Target("https", "hooks.example", 443, "/", "bird", "p@ss"),
    "https://hooks.example?key=1": Target("https", "hooks.example", 443, "/?key=1"),
    "https://_dmarc.a-b.example/": Target("https", "_dmarc.a-b.example", 443, "/"),
    "https://xn--bcher-kva.example/": Target("https", "xn--bcher-kva.example", 443, "/"),
    "http://8.8.8.8/": Target("http", "8.8.8.8", 80, "/"),
    "http://[2606:4700::1111]/": Target("http", "2606:4700::1111", 80, "/"),
    "http://[2606:4700:0:0::1111]:80/": Target("http", "2606:4700::1111", 80, "/"),
}

NOT_PLAIN = [
    "",
    "hooks.example",
    "//hooks.example/",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "javascript:alert(1)",
    "http://",
    "http:///path",
    "http://:80/",
    "http://user@/",
    "http://[::1",
    "http://::1/",
    "http://[::1]junk/",
    "http://junk[::1]/",
    "http://[v1.a]/",
    "http://[fe80::1%25eth0]/",
    "http://hooks.example:0/",
    "http://hooks.example:65536/",
    "http://hooks.example:+80/",
    "http://hooks.example:8_0/",
    "http://hooks.example:80:80/",
    "http://good.example@evil.example@hooks.example/",
    "http://good.example\\@127.0.0.1/",
    "http://127.0.0.1\\.hooks.example/",
    "http://hooks.example/a b",
    "http://hooks.example/\r\nx-injected: 1",
    "http://hooks.example/\ta",
    "http://hooks.example/\0",
    "http://hooks .example/",
    " http://hooks.example/",
    "http://h%6foks.example/",
    "http://127%2e0%2e0%2e1/",
    "http://-hooks.example/",
    "http://hooks..example/",
    "http://.hooks.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "https://hooks.example/" + "a" * 2_000,
    # one address in ways that only some programs read
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1.1/",
    "http://127.0.0.0x1/",
    "http://999.0.0.1/",
    "http://1/",
    "http://0/",
    "http://0x/",
    # letters that some programs turn into others
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://127\u30020\u30020\u30021/",
    "http://loca\u217chost/",
    "http://\u212aelvin.example/",
    "http://b\u00fccher.example/",
]

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::7f00:1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:808:808::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
OUTSIDE = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "223.255.255.254",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("url", TAKEN)
def test_a_plain_url_is_taken_apart(url: str) -> None:
    assert target_of(url) == TAKEN[url]


@pytest.mark.parametrize("url", NOT_PLAIN, ids=ascii)
def test_what_could_be_read_in_two_ways_is_not_taken(url: str) -> None:
    with pytest.raises(BadUrl):
        target_of(url)
    for webhooks in (None, OPEN, PRIVATE):
        with pytest.raises(InvalidInput) as raised:
            checked(url, webhooks)
        assert raised.value.field == "callbackUrl"


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_never_called(address: str) -> None:
    assert not is_outside(ip_address(address))
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
    with pytest.raises(InvalidInput, match="inside the network"):
        checked(url, OPEN)
    assert checked(url, PRIVATE) == url


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_may_be_called(address: str) -> None:
    assert is_outside(ip_address(address))
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"
    assert checked(url, OPEN) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://hooks.example:8080/",
        "https://hooks.example:22/",
        "http://user@127.0.0.1/",
        "http://hooks.example@10.0.0.1/",
    ],
)
def test_other_ports_and_this_machine_need_leave(url: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        checked(url, OPEN)
    assert raised.value.field == "callbackUrl"
    assert checked(url, PRIVATE) == url


def test_without_a_secret_there_are_no_callbacks() -> None:
    with pytest.raises(InvalidInput, match="STARLING_WEBHOOK_SECRET") as raised:
        checked("https://hooks.example/", None)
    assert raised.value.field == "callbackUrl"


def test_what_is_logged_of_a_url_holds_nothing_secret() -> None:
    target = target_of("https://bird:secret@hooks.example:8443/secret?token=secret#secret")
    assert target.authority == "hooks.example:8443"
    assert target_of("https://[2606:4700::1111]/").authority == "[2606:4700::1111]"


@given(st.integers(0, 2**32 - 1))
def test_an_address_within_another_is_judged_as_itself(number: int) -> None:
    inner = IPv4Address(number)
    mapped = IPv6Address(0xFFFF_0000_0000 | number)
    translated = IPv6Address(int(IPv6Address("64:ff9b::")) | number)
    assert is_outside(mapped) == is_outside(translated) == is_outside(inner)
    tunnelled = IPv6Address((0x2002 << 112) | (number << 80))
    assert not is_outside(tunnelled)


HOSTILE = st.text(
    st.sampled_from("abz019.:/@[]%\\#?&=-_~+ \t\r\n\0\u00fc\uff11\u3002xXfF") | st.characters(), max_size=60
)


@given(st.sampled_from(["http://", "https://", "HTTP://", ""]), HOSTILE)
def test_any_text_is_either_refused_or_plain(scheme: str, rest: str) -> None:
    """What is taken has one reading: built anew from its parts it is the same target."""
    try:
        target = target_of(scheme + rest)
    except BadUrl:
        return
    assert target.scheme in ("http", "https")
    assert 1 <= target.port <= 65_535
    assert target.host == target.host.lower()
    assert not set(target.host) & set(" \t\r\n\0\\@/?#%")
    assert not set(target.path) & set(" \t\r\n\0\\#")
    again = target_of(f"{target.scheme}://{target.authority}{target.path}")
    assert (again.host, again.port, again.path) == (target.host, target.port, target.path)
    if target.address is None:
        assert not target.host.rpartition(".")[2].isdigit()
