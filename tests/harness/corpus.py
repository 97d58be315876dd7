"""Real messages to send: those of ../shared/corpus beside the project where that folder is, else a few of our own."""
import re

from harness.system import ROOT

FOLDER = ROOT.parent / "shared" / "corpus"
FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")

OWN = {
    "plain": b"From: a@b.example\r\nSubject: plain\r\n\r\nHello.\r\n",
    "dots": b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n.",
    "no body": b"Subject: only a head\r\n",
    "empty body": b"Subject: an empty body\r\n\r\n",
    "empty": b"",
    "no head": b"\r\njust text\r\n",
    "empty lines": b"\r\n\r\n\r\n",
    "utf-8": "Subject: 鳩が来た\r\n\r\nこんにちは\r\n".encode(),
    "iso-2022-jp": b"Subject: =?ISO-2022-JP?B?GyRCSDcbKEI=?=\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\x1b$B$3$s\x1b(B\r\n",
    "iso-2022-jp in the head": b"From: \x1b$BH7\x1b(B <a@b.example>\r\nSubject: \x1b$BH7\x1b(B\r\n\r\n\x1b$B!!.\x1b(B\r\n.\x1b$B$3\x1b(B\r\n",
    "shift_jis": b"Subject: \x94\xb5\r\n\r\n\x82\xb1\x82\xf1\r\n",
    "carriers": b"From: a..b.@docomo.ne.jp\r\nTo: \".c\"@ezweb.ne.jp, -d@t.vodafone.ne.jp, e[/?@docomo.ne.jp\r\nCc: <f.@docomo.ne.jp>\r\n\r\nx\r\n",
    "all octets": b"Subject: octets\r\n\r\n" + bytes(i for i in range(1, 256) if i not in (10, 13)) * 3 + b"\r\n",
    "long line": b"Subject: long\r\n\r\n" + b"x" * 60000 + b"\r\n",
    "998": b"Subject: lines\r\n\r\n" + (b"." + b"y" * 997 + b"\r\n") * 50,
    "999": b"Subject: lines\r\nX-Long: " + b"z" * 2000 + b"\r\n\r\n" + (b"y" * 999 + b"\r\n") * 50,
    "many fields": b"Subject: many\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"v" * 60) for i in range(900)) + b"\r\nx\r\n",
    "a field of many lines": b"Subject: s\r\nX-Folded: a\r\n" + b" \t " * 200 + b"b\r\n" + b" c\r\n" * 2000 + b"\r\nx\r\n",
    "folded return path": b"Return-Path:\r\n <old@b.example>\r\nReturn-path: <x>\r\nSubject: s\r\n\r\nReturn-Path: in the body\r\n",
    "mime": b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: "
            b"application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n",
}


def files():
    """(name, octets as they lie there, with whatever line ends)."""
    if FOLDER.is_dir():
        for path in sorted(FOLDER.rglob("*")):
            if path.is_file() and path.parent != FOLDER:
                yield path.name, path.read_bytes()


def is_clean(octets):
    """Lines end in CRLF, no CR, LF or NUL is elsewhere: what SMTP can carry."""
    return not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", octets)


def messages():
    """(name, content with CRLF lines), each ready for DATA."""
    yield from OWN.items()
    for name, octets in files():
        content = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
        if b"\0" not in content:
            yield name, content


def head_lines(content):
    """The lines of the header, CRLF and all, and what comes behind them."""
    lines, at = [], 0
    while at < len(content) and not content.startswith(b"\r\n", at):
        end = content.find(b"\r\n", at)
        end = len(content) if end < 0 else end + 2
        lines.append(content[at:end])
        at = end
    return lines, content[at:]


def has_only_fields(content):
    """No line of the header is anything but a field or its continuation."""
    lines, _ = head_lines(content)
    return all(FIELD.match(l) or (n and l[:1] in (b" ", b"\t")) for n, l in enumerate(lines))


def as_stored(content):
    """What the mailbox must hold of it: a last CRLF, and no Return-Path of before (RFC 5321 4.4: the last server's is the one)."""
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    lines, rest = head_lines(content)
    kept, dropping = [], False
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            dropping = line.lower().startswith(b"return-path:")
        if not dropping:
            kept.append(line)
    return b"".join(kept) + rest
