"""A DHCP client and its relay in one, run inside a namespace: what udhcpc cannot be made to send.

Reads lines `VERB CLIENT HW [ADDRESS] [CIRCUIT] [REMOTE]` (octets in hexadecimal, `-` for none) and answers each with the
address or `none`. lease: through the relay, with option 82. renew, release, decline: straight to the server, past the relay.
"""
import ipaddress
import itertools
import random
import select
import socket
import sys
import time

DISCOVER, OFFER, REQUEST, DECLINE, ACK, RELEASE = 1, 2, 3, 4, 5, 7
MAGIC = b"\x63\x82\x53\x63"


def option(code, octets):
    return bytes([code, len(octets)]) + octets


def packet(xid, hw, ciaddr, giaddr, options):
    head = bytes([1, 1, 6, 0]) + xid.to_bytes(4, "big") + bytes(4)
    addresses = ipaddress.IPv4Address(ciaddr).packed + bytes(8) + ipaddress.IPv4Address(giaddr).packed
    return (head + addresses + hw.ljust(16, b"\0") + bytes(192) + MAGIC + b"".join(options) + b"\xff").ljust(300, b"\0")


def read_options(octets):
    out, at = {}, 240
    while at < len(octets) and octets[at] != 255:
        if octets[at] == 0:
            at += 1
            continue
        out[octets[at]] = octets[at + 2:at + 2 + octets[at + 1]]
        at += 2 + octets[at + 1]
    return out


class Client:
    def __init__(self, server, relay):
        self.server, self.relay = server, relay
        self.xids = itertools.count(random.getrandbits(31))
        self.sockets = {}
        for port in (67, 68):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", port))
            self.sockets[port] = s

    def ask(self, kind, client, hw, ciaddr="0.0.0.0", relayed=False, more=(), answer=None):
        """The answer's (address, options); None after 5 s."""
        xid = next(self.xids) & 0xffffffff
        options = [option(53, bytes([kind]))]
        if client:
            options.append(option(61, client))
        options += more
        octets = packet(xid, hw, ciaddr, self.relay if relayed else "0.0.0.0", options)
        s = self.sockets[67 if relayed else 68]
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            s.sendto(octets, (self.server, 67))
            if answer is None:
                return None
            while select.select([s], [], [], 1)[0]:
                got = s.recv(2000)
                if got[4:8] != xid.to_bytes(4, "big"):
                    continue
                found = read_options(got)
                if found.get(53) == bytes([answer]):
                    return str(ipaddress.IPv4Address(got[16:20])), found
        return None

    def lease(self, client, hw, circuit, remote):
        words = (option(1, circuit) if circuit else b"") + (option(2, remote) if remote else b"")
        relay = [option(82, words)] if words else []
        offer = self.ask(DISCOVER, client, hw, relayed=True, more=relay, answer=OFFER)
        if not offer:
            return "none"
        address, options = offer
        chosen = [option(50, ipaddress.IPv4Address(address).packed), option(54, options[54])]
        ack = self.ask(REQUEST, client, hw, relayed=True, more=chosen + relay, answer=ACK)
        return ack[0] if ack else "none"

    def renew(self, client, hw, address):
        ack = self.ask(REQUEST, client, hw, ciaddr=address, answer=ACK)
        return ack[0] if ack else "none"

    def release(self, client, hw, address):
        self.ask(RELEASE, client, hw, ciaddr=address, more=[option(54, ipaddress.IPv4Address(self.server).packed)])
        return address


    def decline(self, client, hw, address):
        of = [option(50, ipaddress.IPv4Address(address).packed), option(54, ipaddress.IPv4Address(self.server).packed)]
        self.ask(DECLINE, client, hw, more=of)
        return address


def octets_of(word):
    return b"" if word == "-" else bytes.fromhex(word)


def main():
    client = Client(sys.argv[1], sys.argv[2])
    print("ready", flush=True)
    for line in sys.stdin:
        verb, who, hw, *rest = line.split()
        if verb == "lease":
            answer = client.lease(octets_of(who), octets_of(hw), octets_of(rest[0]), octets_of(rest[1]))
        else:
            answer = getattr(client, verb)(octets_of(who), octets_of(hw), rest[0])
        print(answer, flush=True)


main()
