"""Real messages to send: those of ../shared/corpus beside the project where that folder is, else a few of our own."""
import re

from harness.system import ROOT

FOLDER = ROOT.parent / "shared" / "corpus"

OWN = {
    "plain": b"From: a@b.example\r\nSubject: plain\r\n\r\nHello.\r\n",
    "dots": b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n.",
    "no body": b"Subject: only a head\r\n",
    "empty": b"",
    "no head": b"\r\njust text\r\n",
    "empty lines": b"\r\n\r\n\r\n",
    "utf-8": "Subject: 鳩が来た\r\n\r\nこんにちは\r\n".encode(),
    "iso-2022-jp": b"Subject: =?ISO-2022-JP?B?GyRCSDcbKEI=?=\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\x1b$B$3$s\x1b(B\r\n",
    "shift_jis": b"Subject: \x94\xb5\r\n\r\n\x82\xb1\x82\xf1\r\n",
    "all octets": b"Subject: octets\r\n\r\n" + bytes(i for i in range(1, 256) if i not in (10, 13)) * 3 + b"\r\n",
    "long line": b"Subject: long\r\n\r\n" + b"x" * 60000 + b"\r\n",
    "998": b"Subject: lines\r\n\r\n" + (b"." + b"y" * 997 + b"\r\n") * 50,
    "folded return path": b"Return-Path:\r\n <old@b.example>\r\nReturn-path: <x>\r\nSubject: s\r\n\r\nReturn-Path: in the body\r\n",
    "mime": b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: "
            b"application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n",
}


def messages():
    """(name, content with CRLF lines), each ready for DATA."""
    for name, content in OWN.items():
        yield name, content
    if FOLDER.is_dir():
        for path in sorted(FOLDER.rglob("*.eml")):
            content = re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())
            if b"\0" not in content:
                yield path.name, content


def as_stored(content):
    """What the mailbox must hold of it: a last CRLF, and no Return-Path of before (RFC 5321 4.4: the last server's is the one)."""
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    lines, kept, dropping = re.findall(rb"[^\n]*\n", content), [], False
    for n, line in enumerate(lines):
        if line == b"\r\n":
            return b"".join(kept + lines[n:])
        if line[:1] not in (b" ", b"\t"):
            dropping = line.lower().startswith(b"return-path:")
        if not dropping:
            kept.append(line)
    return b"".join(kept)
