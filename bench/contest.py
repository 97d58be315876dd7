"""Contenders that take turns, and the line of JSON that tells what they did.

    rates = turns({"ours": ours, "peer": peer, "bare": bare}, rounds=5)
    tell("pop", rates, pairs=[("ours", "bare", 0.5), ("ours", "peer", 5)])

A contender is a function that does its work once and returns a number. They go A B C, A B C, ..., so that what else the machine does meets
each of them; a ratio is the median of the rounds' own ratios. A generator that sees a wrong answer ends with a status other than 0, and the
whole run is void.

A pair is written so that more is better, and its aim is the least that is wanted: (ours, peer, 5) of rates, (peer, ours, 5) of times and
memory. What is aimed at in itself is a limit: {"ours": 1.0} is the most of a unit of time or memory (LESS), the least of any other.
Contenders whose names begin with `bare` are the bare limit; ours are those at the left of a pair or with a limit, unless `ours` names them.
"""
import json
import statistics
import subprocess

LESS = {"us", "ms", "s", "seconds", "octets", "bytes", "KiB", "MiB"}


def run(*words, limit=600):
    """One generator: the object that it prints."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=limit)
    if done.returncode:
        raise SystemExit("the run is void: %s\n%s" % (" ".join(map(str, words)), done.stderr[-2000:]))
    return json.loads(done.stdout)


def turns(contenders, rounds):
    rates = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, turn in contenders.items():
            rates[name].append(turn())
    return rates


def less(unit):
    """Is less of it better? Its first word says so."""
    return unit.split()[0] in LESS


def short(number):
    """Three digits say all that such a number means."""
    return round(number) if abs(number) >= 100 else float("%.3g" % number)


def ratios(rates, a, b):
    return [x / y for x, y in zip(rates[a], rates[b])]


def ratio(rates, a, b):
    return statistics.median(ratios(rates, a, b))


def reached(rates, pairs, limits, unit):
    out = {"%s / %s" % (a, b): ratio(rates, a, b) >= aim for a, b, aim in pairs if aim is not None}
    for name, limit in limits.items():
        median = statistics.median(rates[name])
        out[name] = median <= limit if less(unit) else median >= limit
    return out


def tell(bench, rates, pairs=(), limits=None, unit="a second", repeat=None, ours=None, **more):
    """`pairs`: (a, b, aim): a / b is told, and beside it what is aimed at (None: nothing). `more` goes into the line as it is; `title` there
    is what a table calls it."""
    limits = limits or {}
    told = {"%s / %s" % (a, b): ratios(rates, a, b) for a, b, _ in pairs}
    if ours is None:
        ours = [b if less(unit) else a for a, b, _ in pairs] + list(limits)
    line = {"bench": bench, "unit": unit, "rounds": max(map(len, rates.values())), "ours": list(dict.fromkeys(ours)),
            "median": {name: short(statistics.median(r)) for name, r in rates.items()},
            "spread": {name: [short(min(r)), short(max(r))] for name, r in rates.items()},
            "ratios": {name: short(statistics.median(r)) for name, r in told.items()},
            "ratio_spread": {name: [short(min(r)), short(max(r))] for name, r in told.items()},
            "aims": {"%s / %s" % (a, b): aim for a, b, aim in pairs if aim is not None},
            "limits": limits, "reached": reached(rates, pairs, limits, unit),
            **more, "repeat": repeat or "bench/run " + bench}
    print(json.dumps(line), flush=True)
    return line
