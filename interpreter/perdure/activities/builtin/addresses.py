"""Which network addresses a workflow may reach: public ones, and those the operator allows.

Guards against server-side request forgery: an address in a definition or an input must not open the inside of
the network the worker stands in. Knows nothing of HTTP; `connections` asks here before it connects.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from perdure.record import record

# IANA Special-Purpose Address Registries (RFC 6890), and one cloud address that lies outside of them.
REFUSED_IPV4: Final = {
    IPv4Network("0.0.0.0/8"): "unspecified",
    IPv4Network("10.0.0.0/8"): "private",
    IPv4Network("100.64.0.0/10"): "shared by a carrier",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("168.63.129.16/32"): "cloud metadata",  # Azure
    IPv4Network("169.254.0.0/16"): "link-local",  # cloud metadata too: 169.254.169.254
    IPv4Network("172.16.0.0/12"): "private",
    IPv4Network("192.0.0.0/24"): "reserved",
    IPv4Network("192.0.2.0/24"): "documentation",
    IPv4Network("192.88.99.0/24"): "reserved",
    IPv4Network("192.168.0.0/16"): "private",
    IPv4Network("198.18.0.0/15"): "benchmarking",
    IPv4Network("198.51.100.0/24"): "documentation",
    IPv4Network("203.0.113.0/24"): "documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved",
}
PUBLIC_IPV6: Final = IPv6Network("2000::/3")
"""The only range IANA has assigned to global unicast: all else is internal or reserved."""

REFUSED_IPV6: Final = {
    IPv6Network("2001::/23"): "reserved",  # Teredo, ORCHID, benchmarking
    IPv6Network("2001:db8::/32"): "documentation",
    IPv6Network("2002::/16"): "reserved",  # 6to4 leads to any IPv4 address
    IPv6Network("3fff::/20"): "documentation",
}
NAT64: Final = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """The address is internal and not allowed."""


class BadAllowance(ValueError):
    """An entry of the allowance is neither a network nor a host name."""


@record
class Allowance:
    """Internal networks and host names that may be reached all the same."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Allowance:
        """Comma-separated networks (`10.1.0.0/16`), addresses and host names; BadAllowance."""
        networks, hosts = [], set()
        for entry in (part.strip() for part in text.split(",")):
            try:
                networks.append(ip_network(entry))
            except ValueError as problem:
                if "/" in entry or ":" in entry or (entry and entry[-1].isdigit()):
                    raise BadAllowance(f"{entry!r} is neither a network nor a host name: {problem}") from None
                if entry:
                    hosts.add(_host(entry))
        return cls(tuple(networks), frozenset(hosts))

    def reason_against(self, host: str, address: str) -> str | None:
        """Why this address of the host may not be reached; None where it may."""
        if _host(host) in self.hosts:
            return None
        found = _embedded(ip_address(address.partition("%")[0]))
        if any(found in network for network in self.networks if network.version == found.version):
            return None
        return refusal(found)


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """What kind of internal address this is; None for a public one."""
    found = _embedded(address)
    if isinstance(found, IPv4Address):
        return next((kind for network, kind in REFUSED_IPV4.items() if found in network), None)
    if found not in PUBLIC_IPV6:
        return "internal or reserved"
    return next((kind for network, kind in REFUSED_IPV6.items() if found in network), None)


async def checked_addresses(host: str, port: int, allowance: Allowance) -> list[str]:
    """The addresses of a host, each one checked; AddressRefused if one is internal, OSError without any.

    The caller connects to these very addresses: asking again could give others (DNS rebinding).
    """
    import asyncio
    from socket import SOCK_STREAM

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    _refuse_internal(host, addresses, allowance)
    return addresses


def _refuse_internal(host: str, addresses: Iterable[str], allowance: Allowance) -> None:
    for address in addresses:
        reason = allowance.reason_against(host, address)
        if reason is not None:
            raise AddressRefused(f"{host} is at {address}, which is {reason}")


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one leads to, where it leads to one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _host(name: str) -> str:
    return name.strip().rstrip(".").lower()
