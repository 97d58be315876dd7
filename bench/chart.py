"""One line of a bench as a picture (SVG): a bar for each contender, its spread, and on our bars what is aimed at.

The scale is the bare limit's median (1), or our first contender's where there is no bare limit; times and memory stand in their own unit.
"""
import re
from xml.sax.saxutils import escape

from contest import less

LEFT, PLOT, RIGHT, TOP, ROW, BAR = 190, 430, 270, 64, 30, 16
OURS, PEER, BARE, AIM, INK, PALE = "#1f6f8b", "#a9b4bc", "#dfe5e8", "#c0392b", "#222222", "#777777"
STEPS = [m * 10 ** e for e in range(-3, 7) for m in (1, 2, 5)]


def file_name(line):
    return re.sub(r"[^a-z0-9]+", "-", line.get("title", line["bench"]).lower()).strip("-") + ".svg"


def text(x, y, words, size=12, anchor="start", fill=INK, weight="normal"):
    return '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s" font-weight="%s">%s</text>' % (
        x, y, size, anchor, fill, weight, escape(words))


def rule(x1, y1, x2, y2, colour, width=1.0):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>' % (x1, y1, x2, y2, colour, width)


def box(x, y, width, height, fill):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, width, height, fill)


def reference(line):
    """(what 1 is on the scale, what the scale is called)."""
    if less(line["unit"]):
        return 1, line["unit"]
    bare = [n for n in line["median"] if n.startswith("bare")]
    name = (bare or line["ours"])[0]
    return line["median"][name], "1 = %s" % name


def number(value):
    return "{:,}".format(value) if value >= 100 else "%g" % value


def judgements(line, name):
    """What is said of one of ours: (words, the aim's place in the line's unit or None, reached or None), one a ratio or limit."""
    median, down = line["median"], less(line["unit"])
    for label, ratio in line["ratios"].items():
        a, b = label.split(" / ")
        if name != (b if down else a):
            continue
        other, aim = a if down else b, line["aims"].get(label)
        words = "%g %s %s" % (ratio, "of" if other.startswith("bare") else "times less than" if down else "times", other)
        if aim is None:
            yield words, None, None
        else:
            yield words + ", aim %g" % aim, median[other] / aim if down else median[other] * aim, line["reached"][label]
    if name in line["limits"]:
        limit = line["limits"][name]
        yield "%s, aim %s %s" % (number(median[name]), "at most" if down else "at least", number(limit)), limit, line["reached"][name]


def scale_of(line, one):
    ends = [high for _, high in line["spread"].values()]
    ends += [place for name in line["ours"] for _, place, _ in judgements(line, name) if place is not None]
    longest = max(ends) / one
    return longest * 1.03, next((s for s in STEPS if longest / s <= 6), STEPS[-1])


def colour(line, name):
    return OURS if name in line["ours"] else BARE if name.startswith("bare") else PEER


def value(line, name):
    unit = line["unit"]
    return number(line["median"][name]) + (" " + unit.split()[0] if less(unit) else "/s" if unit == "a second" else "")


def height_of(line, name):
    said = len(list(judgements(line, name))) if name in line["ours"] else 0
    return max(ROW, 20 + 12 * said)


def bar(line, name, y, at):
    """The contender's row from y down; `at` maps its unit to x."""
    low, high = line["spread"][name]
    middle, mine, right = y + BAR / 2, name in line["ours"], LEFT + PLOT + 12
    out = [text(LEFT - 10, middle + 4, name, anchor="end", weight="bold" if mine else "normal"),
           box(LEFT, y, at(line["median"][name]) - LEFT, BAR, colour(line, name)),
           rule(at(low), middle, at(high), middle, INK, 1.2)]
    out += [rule(at(v), middle - 4, at(v), middle + 4, INK, 1.2) for v in (low, high)]
    out.append(text(right, middle + 4, value(line, name)))
    for i, (words, place, reached) in enumerate(judgements(line, name) if mine else ()):
        out.append(text(right, middle + 17 + 12 * i, words + ": missed" * (reached is False), 10, fill=AIM if reached is False else PALE))
        if place is not None:
            out.append(rule(at(place), y - 5, at(place), y + BAR + 5, AIM, 2))
    return out


def axis(longest, step, at_ratio, bottom, named):
    out, tick = [], 0.0
    while tick <= longest:
        x = at_ratio(tick)
        out += [rule(x, TOP - 8, x, bottom, "#eeeeee"), text(x, bottom + 14, "%g" % tick, 10, "middle", PALE)]
        tick = round(tick + step, 6)
    return out + [text(LEFT + PLOT, bottom + 28, named, 10, "end", PALE)]


def draw(line):
    one, named = reference(line)
    longest, step = scale_of(line, one)
    bottom = TOP + sum(height_of(line, name) for name in line["median"])
    width, height = LEFT + PLOT + RIGHT, bottom + 40

    def at_ratio(r):
        return LEFT + PLOT * r / longest
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
             'font-family="Helvetica, Arial, sans-serif">' % (width, height, width, height), box(0, 0, width, height, "#ffffff"),
        text(16, 26, line.get("title", line["bench"]), 16, weight="bold"),
        text(16, 44, "medians of %d rounds in turns, least and most; red: what is aimed at" % line["rounds"], 11, fill=PALE)]
    parts += axis(longest, step, at_ratio, bottom, named)
    y = TOP
    for name in line["median"]:
        parts += bar(line, name, y, lambda v: at_ratio(v / one))
        y += height_of(line, name)
    return "\n".join(parts + [rule(LEFT, TOP - 8, LEFT, bottom, PALE), "</svg>"]) + "\n"
