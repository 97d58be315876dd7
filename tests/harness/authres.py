"""Authentication-Results of ours, read back."""
import re
import shlex


def results(mail):
    """[(method, result, {property: value})] of our field on top of a mail, [] if there is none."""
    found = re.findall(rb"^Authentication-Results: mx.hato.example;((?:.|\r\n[ \t])*)\r\n", mail.partition(b"\r\n\r\n")[0] + b"\r\n", re.M)
    assert len(found) < 2, mail
    text = re.sub(r"\r\n[ \t]+", " ", found[0].decode()) if found else ""
    parts = [shlex.split(part) for part in re.findall(r'(?:"(?:\\.|[^"\\])*"|[^;"])+', text) if part.strip()]
    return [(*words[0].split("=", 1), dict(w.split("=", 1) for w in words[1:])) for words in parts]


def of(mail, method):
    """[(result, {property: value})] of one method."""
    return [(result, properties) for m, result, properties in results(mail) if m == method]
