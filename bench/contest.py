"""Contenders that take turns, and the line of JSON that tells what they did.

    rates = turns({"ours": ours, "peer": peer, "bare": bare}, rounds=5)
    tell("pop", rates, pairs=[("ours", "bare", 0.5), ("ours", "peer", 5)])

A contender is a function that does its work once and returns a number, more being better unless the unit is one of time or memory. They go
A B C, A B C, ..., so that what else the machine does meets each of them; a ratio is the median of the rounds' own ratios. A generator that
sees a wrong answer ends with a status other than 0, and the whole run is void.
"""
import json
import statistics
import subprocess


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


def short(number):
    """Three digits say all that such a number means."""
    return round(number) if abs(number) >= 100 else float("%.3g" % number)


def ratio(rates, a, b):
    return statistics.median(x / y for x, y in zip(rates[a], rates[b]))


def tell(bench, rates, pairs=(), unit="a second", repeat=None, **more):
    """`pairs`: (a, b, aim): a / b is told, and beside what it is aimed at (None: nothing)."""
    line = {"bench": bench, "unit": unit, "rounds": max(map(len, rates.values())),
            "median": {name: short(statistics.median(r)) for name, r in rates.items()},
            "spread": {name: [short(min(r)), short(max(r))] for name, r in rates.items()},
            "ratios": {"%s / %s" % (a, b): short(ratio(rates, a, b)) for a, b, _ in pairs},
            "aims": {"%s / %s" % (a, b): aim for a, b, aim in pairs if aim is not None},
            **more, "repeat": repeat or "bench/run " + bench}
    print(json.dumps(line), flush=True)
    return line
