# SPDX-License-Identifier: MIT
"""plots.py - the plots of report.py, drawn with gnuplot

A plot has a panel for each world. A point is a median, and the vertical line through it ends at the quartiles. Each
candidate has the same colour and the same shape in all plots. A candidate without a line here is a limit: it is grey,
and its line is dashed.
"""

import collections
import re
import subprocess

# Colour, gnuplot's number of the shape. The colours are those of Okabe and Ito, for the colour-blind too, and darker
# ones for the calls with predicates of the same library.
LOOKS = {
    "condvar": ("#d55e00", 7), "condvar, two": ("#e69f00", 6),
    "pthread": ("#0072b2", 5), "C++ any": ("#56b4e9", 4),
    "nsync cv": ("#009e73", 9), "nsync mu_wait": ("#005a42", 8),
    "Abseil CondVar": ("#cc79a7", 13), "Abseil Await": ("#6a2c70", 12),
    "robust": ("#0072b2", 5), "plain": ("#56b4e9", 4), "semaphores": ("#009e73", 9),
}
WORLDS = {"idle": "idle cores", "awake": "cores kept awake", "busy": "busy cores", "one-core": "one core"}

FAMILIES = {  # family: title, what y is; each y is divided by the number of waiters if the last is true
    "ring": ("A ring of threads takes turns, by notify(1)", "time for each turn", False),
    "ring-all": ("A ring of threads takes turns, by notify_all", "time for each turn", False),
    "await-ring": ("A ring of threads takes turns, by waits that need no notify", "time for each turn", False),
    "broadcast": ("A broadcast, until all waiters have returned", "time for each waiter", True),
    "herd": ("All threads wait for an item, and one gets it", "time for each item", False),
    "buffer": ("A bounded buffer with one condition", "time for each item", False),
    "buffer-two": ("A bounded buffer with two conditions", "time for each item", False),
    "await-buffer": ("A bounded buffer, by waits that need no notify", "time for each item", False),
    "unlimited": ("An unlimited buffer", "time for each item", False),
    "hammer": ("All threads acquire and release one lock", "time for each pair", False),
    "longest": ("The longest wait for a lock that all threads want", "longest wait", False),
}
CPU_ROWS = ["turns", "ring-16", "broadcast-64", "herd-16", "buffer-4x4", "await-buffer-4x4", "unlimited-4x4"]

# curves: {candidate: [(x, median, low, high), ...]}
Panel = collections.namedtuple("Panel", "title curves")


def panel_of(title, places, metric=None, for_each_waiter=False):
    """The panel of some rows. places: (x, row). Without a metric: the one in which the row is compared."""
    curves = {}
    for x, row in places:
        scale = row.threads - 1 if for_each_waiter else 1
        for name, candidate in row.candidates.items():
            if spread := candidate.values.get(metric or row.compared):
                curves.setdefault(name, []).append((x, *(value / scale for value in spread)))
    return Panel(title, curves)


def shared_panels(text):
    """The panels of what bench-shared has printed: it prints medians without quartiles."""
    panels = {}
    for part, cores in zip(text.split("The same on one core:"), ("all cores", "one core")):
        for x, (_, lines) in enumerate(re.findall(r"^(turns|buffer) .*\n.*\n((?:.+\n?)+)", part, re.M)):
            for name, *values in re.findall(r"^(\S.*?) +(\d+) +(\d+)", lines, re.M):
                for what, value in zip(("time", "CPU time"), map(float, values)):
                    panel = panels.setdefault((what, cores), Panel(f"{what}, {cores}", {}))
                    panel.curves.setdefault(name, []).append((x, value, value, value))
    return list(panels.values())


def name_of(folder, plot):
    """The file's name, with the machine in it: the site has all plots in one folder."""
    return f"{folder.name}-{plot}.svg"


def draw_all(worlds, shared, folder):
    """Draws each plot for which there are values. worlds: as of report.py; shared: what bench-shared has printed.
    Returns {plot: its text}."""
    drawn = {}

    def draw_one(plot, title, what, kind, panels, ticks):
        panels = [panel for panel in panels if panel.curves]
        if panels:
            draw(folder / name_of(folder, plot), title, what, kind, panels, ticks)
            drawn[plot] = f"{title}: {what}; lower is better"

    for family, (title, what, for_each_waiter) in FAMILIES.items():
        groups = {world: sorted((row for row in rows.values() if row.family == family and row.candidates),
                                key=lambda row: row.threads) for world, rows in worlds.items()}
        threads = sorted({row.threads for group in groups.values() for row in group})
        if len(threads) < 2:
            continue
        bars = len(threads) == 2
        places = {n: place if bars else n for place, n in enumerate(threads)}
        panels = [panel_of(WORLDS[world], [(places[row.threads], row) for row in group], None, for_each_waiter)
                  for world, group in groups.items()]
        draw_one(family, title, f"{what}, by the number of threads", "bars" if bars else "lines", panels,
                 {f"{n} threads" if bars else n: place for n, place in places.items()})
    panels = [panel_of(WORLDS[world], [(x, rows[name]) for x, name in enumerate(CPU_ROWS) if name in rows], "cpu")
              for world, rows in worlds.items()]
    draw_one("cpu", "CPU time of all threads together", "CPU time for each operation", "points", panels,
             {name: x for x, name in enumerate(CPU_ROWS)})
    draw_one("shared", "Conditions between processes", "time for each turn or item", "bars", shared_panels(shared),
             {"turns": 0, "buffer": 1})
    return drawn


def ns_text(ns):
    for size, unit in ((10 ** 9, "s"), (10 ** 6, "ms"), (1000, "µs"), (1, "ns")):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return "0"


def y_axis(panels, is_log):
    """The range of y in these panels, and ticks at round values."""
    ys = [y for panel in panels for points in panel.curves.values() for point in points for y in point[1:] if y > 0]
    low, high = min(ys) / 1.2 if is_log else 0, max(ys) * 1.2
    steps = [digit * 10 ** power for power in range(11) for digit in (1, 2, 5)]
    if is_log:
        ticks = [step for step in (steps if high / low < 1000 else steps[::3]) if low <= step <= high]
    else:
        step = next(step for step in steps if high / step < 6)
        ticks = [i * step for i in range(6) if i * step <= high]
    return [f"set yrange [{low}:{high}]", "set ytics (" + ", ".join(f'"{ns_text(y)}" {y}' for y in ticks) + ")"]


def draw(path, title, what, kind, panels, ticks):
    """kind: `lines` by the number of threads; `bars` from 0; `points`, for rows whose values differ by much.
    ticks: {text: x}."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    width = 0.8 / len(names)
    marks = {"lines": "yerrorlines", "bars": "yerrorbars", "points": "yerrorbars"}[kind]
    has_quartiles = any(point[2] < point[3] for panel in panels for points in panel.curves.values() for point in points)
    values = "Points: medians; vertical lines: from quartile to quartile." if has_quartiles else "Medians."
    colours, styles = {}, {}
    for name in names:
        colour, shape = LOOKS.get(name, ("#707070", 2))
        line = "linewidth 3" if name == "condvar" else "linewidth 1.5" if name in LOOKS else "linewidth 1.5 dashtype 2"
        colours[name] = f'linecolor rgb "{colour}"'
        styles[name] = f"{line} {colours[name]} pointtype {shape} pointsize 0.7"

    script = [
        'set terminal svg size 960,680 font "sans-serif,13" background rgb "white"', f'set output "{path}"',
        f'set multiplot title "{title}" noenhanced font ",16"',
        f'set label 1 "{what[0].upper()}{what[1:]}. Lower is better. {values}" noenhanced at screen 0.5,0.93 center',
        "set tics nomirror out", 'set grid xtics ytics linecolor rgb "#dddddd" linetype 1 linewidth 0.5',
        "set border 3", "set bars 0", "set xtics (" + ", ".join(f'"{text}" {x}' for text, x in ticks.items()) + ")",
    ]
    low, high = min(ticks.values()), max(ticks.values())
    if kind == "lines":
        script += ["set logscale xy", f"set xrange [{low / 1.2}:{high * 1.2}]", 'set xlabel "threads" offset 0,0.7']
    else:
        script += [f"set xrange [{low - 0.5}:{high + 0.5}]", "set grid noxtics", "set xtics scale 0"]
    if kind == "points":
        script += ["set logscale y", "set xtics rotate by 20 right noenhanced"]
    for number, panel in enumerate(panels):
        plots = []
        for name, points in reversed(panel.curves.items()):  # this library is drawn last
            shift = 0 if kind == "lines" else (names.index(name) - (len(names) - 1) / 2) * width
            data = f"$data{number}_{len(plots)}"
            script += [f"{data} << END", *(" ".join(f"{v:.6g}" for v in (point[0] + shift, *point[1:]))
                                           for point in points), "END"]
            if kind == "bars":
                plots.append(f"{data} using 1:2:({width}) with boxes fill solid 0.35 noborder {colours[name]} notitle")
            plots.append(f"{data} with {marks} {styles[name]} notitle")
        if number == 0:
            key = "linespoints" if kind == "lines" else "points"
            plots += [f'keyentry with {key} {styles[name]} title "{name}"' for name in names]
        left, top = 0.08 + 0.37 * (number % 2), 0.865 - 0.46 * (number // 2)
        script += [
            *y_axis([panel] if kind == "bars" else panels, kind != "bars"),
            f"set lmargin at screen {left}", f"set rmargin at screen {left + 0.3}",
            f"set tmargin at screen {top}", f"set bmargin at screen {top - 0.32}",
            "set key at screen 0.99,0.865 Left reverse noenhanced" if number == 0 else "unset key",
            f'set title "{panel.title}" offset 0,-0.5 noenhanced', "plot " + ", ".join(plots), "unset label 1"]
    script.append("unset multiplot")
    subprocess.run(["gnuplot"], input=("\n".join(script) + "\n").encode(), check=True)
