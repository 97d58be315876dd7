"""A SIM card and the handset around it, in plain Python: written from docs/sim-proof.md and TS 35.206, not from the C code.

AES comes from the openssl command; everything else is here. A Sim remembers the highest SEQ that it accepted in each slot, as a
real one does, and says when it is out of step.
"""
import base64
import hashlib
import hmac
import subprocess
import time

DELTA = 1 << 28


class NotOurNetwork(Exception):
    """The AUTN is not from who knows K."""


class OutOfStep(Exception):
    """The SQN is not fresh; .auts says where this SIM is."""

    def __init__(self, auts):
        super().__init__("out of step")
        self.auts = auts


def aes(key, blocks):
    run = subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=blocks, capture_output=True,
                         check=True, timeout=60)
    return run.stdout


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def milenage(k, opc, rand, sqn, amf):
    """TS 35.206 4.1: (mac_a, mac_s, res, ck, ik, ak, ak_s)."""
    def rot(octets, n):
        return octets[n:] + octets[:n]

    temp = aes(k, xor(rand, opc))
    blocks = [xor(temp, rot(xor((sqn + amf) * 2, opc), 8))]
    blocks += [xor(rot(xor(temp, opc), r), bytes(15) + bytes([c])) for r, c in ((0, 1), (4, 2), (8, 4), (12, 8))]
    out = aes(k, b"".join(blocks))
    one, two, three, four, five = (xor(out[i:i + 16], opc) for i in range(0, 80, 16))
    return one[:8], one[8:], two[8:], three, four, two[:6], five[:6]


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Sim:
    def __init__(self, imsi, k=None, opc=None, seq=None):
        """seq: where it stands; if not said, a moment behind the network."""
        self.imsi = imsi
        self.k = k or hashlib.sha256(b"k" + imsi.encode()).digest()[:16]
        self.opc = opc or hashlib.sha256(b"opc" + imsi.encode()).digest()[:16]
        self.slots = [int(time.time() * 100) - 1000 if seq is None else seq] * 32

    def keys(self):
        """As provisioning wants them."""
        return {"k": self.k.hex(), "opc": self.opc.hex()}

    def authenticate(self, rand, autn):
        """TS 33.102 6.3.3: (CK, IK)."""
        ak = milenage(self.k, self.opc, rand, bytes(6), bytes(2))[5]
        sqn, amf = xor(autn[:6], ak), autn[6:8]
        mac_a, _, _, ck, ik, _, _ = milenage(self.k, self.opc, rand, sqn, amf)
        if mac_a != autn[8:]:
            raise NotOurNetwork()
        seq, slot = int.from_bytes(sqn, "big") >> 5, sqn[5] & 31
        if seq <= self.slots[slot] or seq - max(self.slots) > DELTA:
            raise OutOfStep(self.auts(rand))
        self.slots[slot] = seq
        return ck, ik

    def auts(self, rand):
        highest = max(range(32), key=lambda slot: self.slots[slot])
        sqn = (self.slots[highest] << 5 | highest).to_bytes(6, "big")
        _, mac_s, _, _, _, _, ak_s = milenage(self.k, self.opc, rand, sqn, bytes(2))
        return xor(sqn, ak_s) + mac_s

    def answer(self, challenge, purpose="token"):
        """The answer of POST /v1/challenge -> (proof as it is sent, trigger key)."""
        ck, ik = self.authenticate(bytes.fromhex(challenge["rand"]), bytes.fromhex(challenge["autn"]))
        text = "\0".join(["hato-proof-1", purpose, challenge["realm"], challenge["key"], challenge["challenge"]])
        proof = mac(mac(ck + ik, b"hato-proof-key-1"), text.encode())
        return base64.urlsafe_b64encode(proof).rstrip(b"=").decode(), mac(ck + ik, b"hato-trigger-key-1")[:16]
