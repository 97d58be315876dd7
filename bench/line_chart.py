"""Curves as a picture (SVG): panels one below the other, each with its own scales.

    draw("Soak", "30 minutes at 640 mails/s", [Panel("memory", "minutes", "MiB", {"pushsrv": [(0, 40.1), (1, 41.0)]})])

A panel that is `log` has powers of ten on both scales, for work that grows a thousandfold. Scales begin at 0 otherwise: what is flat looks flat.
"""
import dataclasses
import math
from xml.sax.saxutils import escape

LEFT, PLOT, RIGHT, TOP, HEIGHT, GAP = 70, 560, 170, 60, 200, 62
COLOURS = ["#1f6f8b", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#555555", "#5dade2", "#a04000"]
INK, PALE, GRID = "#222222", "#777777", "#eeeeee"
STEPS = [m * 10 ** e for e in range(-4, 10) for m in (1, 2, 5)]


@dataclasses.dataclass
class Panel:
    title: str
    x_name: str
    y_name: str
    curves: dict  # name -> [(x, y), ...]
    log: bool = False


def text(x, y, words, size=11, anchor="start", fill=INK, weight="normal"):
    return '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s" font-weight="%s">%s</text>' % (
        x, y, size, anchor, fill, weight, escape(words))


def rule(x1, y1, x2, y2, colour):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' % (x1, y1, x2, y2, colour)


def short(value):
    if abs(value) >= 1000:
        for unit, name in ((10 ** 6, "M"), (10 ** 3, "k")):
            if abs(value) >= unit:
                return "%g%s" % (round(value / unit, 2), name)
    return "%g" % value


def ticks(least, most, log):
    if log:
        return [10.0 ** e for e in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]
    step = next((s for s in STEPS if most / s <= 6), STEPS[-1])
    return [i * step for i in range(int(math.ceil(most / step - 1e-9)) + 1)]


def scale(values, log, first, length):
    """(the ticks, what maps a value to its place)."""
    values = [v for v in values if not log or v > 0] or [1]
    marks = ticks(min(values), max(max(values), 1e-4), log)
    low, high = marks[0], max(marks[-1], max(values))
    if log:
        low, high = math.log10(low), math.log10(high)
    width = (high - low) or 1
    return marks, lambda v: first + length * ((math.log10(max(v, 1e-9)) if log else v) - low) / width


def panel_lines(panel, top):
    bottom = top + HEIGHT
    points = [p for curve in panel.curves.values() for p in curve]
    xs, at_x = scale([x for x, _ in points], panel.log, LEFT, PLOT)
    ys, at_y = scale([y for _, y in points], panel.log, bottom, -HEIGHT)
    out = [text(LEFT, top - 10, panel.title, 13, weight="bold"), text(LEFT + PLOT, bottom + 30, panel.x_name, 10, "end", PALE),
           text(LEFT - 60, top - 10, panel.y_name, 10, fill=PALE)]
    for y in ys:
        out += [rule(LEFT, at_y(y), LEFT + PLOT, at_y(y), GRID), text(LEFT - 6, at_y(y) + 4, short(y), 10, "end", PALE)]
    for x in xs:
        out += [rule(at_x(x), top, at_x(x), bottom, GRID), text(at_x(x), bottom + 15, short(x), 10, "middle", PALE)]
    for i, (name, curve) in enumerate(panel.curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join("%.1f,%.1f" % (at_x(x), at_y(y)) for x, y in curve)
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"/>' % (path, colour))
        if len(curve) <= 12:
            out += ['<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s"/>' % (at_x(x), at_y(y), colour) for x, y in curve]
        out.append(text(LEFT + PLOT + 12, top + 12 + 16 * i, name, 11, fill=colour, weight="bold"))
    return out


def draw(title, about, panels):
    width, height = LEFT + PLOT + RIGHT, TOP + len(panels) * (HEIGHT + GAP)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif">' % (
        width, height, width, height), '<rect width="%d" height="%d" fill="#ffffff"/>' % (width, height),
        text(16, 22, title, 16, weight="bold"), text(16, 38, about, 11, fill=PALE)]
    for i, panel in enumerate(panels):
        out += panel_lines(panel, TOP + 14 + i * (HEIGHT + GAP))
    return "\n".join(out + ["</svg>"]) + "\n"
