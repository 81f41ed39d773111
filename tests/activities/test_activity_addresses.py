"""Which addresses http.request may reach: a table, and properties over all addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.activities.builtin.addresses import (
    NAT64,
    AddressRefused,
    Allowance,
    BadAllowance,
    checked_addresses,
    refusal,
)

INTERNAL = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.9.9.9", "168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.1",
    "192.167.255.255", "193.0.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
    "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_are_refused(address: str) -> None:
    assert refusal(ip_address(address)) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert refusal(ip_address(address)) is None


@given(st.ip_addresses())
def test_whatever_python_calls_internal_is_refused(address: Any) -> None:
    internal = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast,
        address.is_reserved, address.is_unspecified, getattr(address, "is_site_local", False),
    )  # fmt: skip
    stands_for_another = isinstance(address, IPv6Address) and (address.ipv4_mapped or address in NAT64)
    assert refusal(address) is not None or stands_for_another or not any(internal)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_itself(address: IPv4Address) -> None:
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        assert refusal(IPv6Address(int(IPv6Address(prefix)) + int(address))) == refusal(address)


def test_an_allowance_lets_through_networks_and_hosts_it_names() -> None:
    allowance = Allowance.parse(" 10.1.0.0/16, fd00::/8,127.0.0.1 ,Shop.Internal.,, 64:ff9b::/96")
    assert allowance.reason_against("any", "10.1.2.3") is None
    assert allowance.reason_against("any", "::ffff:10.1.2.3") is None
    assert allowance.reason_against("any", "fd12::1%eth0") is None
    assert allowance.reason_against("any", "127.0.0.1") is None
    assert allowance.reason_against("SHOP.internal", "192.168.0.1") is None
    assert allowance.reason_against("x.shop.internal", "192.168.0.1") == "private"
    assert allowance.reason_against("any", "10.2.0.1") == "private"
    assert allowance.reason_against("any", "127.0.0.2") == "loopback"
    assert Allowance.parse("").reason_against("any", "8.8.8.8") is None


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "::1::", "10.0.0", "host/path", "shop:80", "300.1.1.1"])
def test_an_allowance_that_is_a_slip_of_the_pen_is_refused(text: str) -> None:
    with pytest.raises(BadAllowance, match="neither a network nor a host name"):
        Allowance.parse(f"localhost,{text}")


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "0", "::1"])
async def test_odd_spellings_of_this_machine_are_seen_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        await checked_addresses(host, 80, Allowance())


async def test_one_internal_address_among_public_ones_refuses_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressRefused, match=r"shop\.example is at 10\.0\.0\.1, which is private"):
        await checked_addresses("shop.example", 80, Allowance())
    assert await checked_addresses("shop.example", 80, Allowance.parse("10.0.0.1")) == ["8.8.8.8", "10.0.0.1"]
