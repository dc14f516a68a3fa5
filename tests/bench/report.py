#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report.py - write what the benchmarks have measured into docs/performance.md and docs/performance/MACHINE/

    tests/bench/report.py DIRECTORY

DIRECTORY is where `tests/run bench` has left bench.tsv and bench-shared.txt. MACHINE is made from the processor's
name and the number of cores, so that the last run on each machine is kept: its tables, its medians, its plots. The
page shows the run that was reported last, between two comments for each of the programs, and links the other
machines. No figure there is written by hand. Needs gnuplot.
"""

import collections
import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "performance"

WORLDS = {  # in the order of the page
    "idle": "nothing else runs, so a core may fall asleep",
    "awake": "an idle-class loop on each core keeps it from falling asleep",
    "busy": "a normal-class loop on each core takes its share of it",
    "one-core": "all threads are on one core, and nothing else runs",
}

# With more of the cores' time for other programs than this, a row was not measured in its world (worlds.hpp).
MOST_OTHERS = 0.2

# What most programs do with a condition: the rows of the first table.
FLAGSHIP = re.compile(r"turns|(buffer|broadcast|ring|unlimited|await)-.*|herd-16")

# What a private condition does without: CONDVAR_NO_...
NOT_PRIVATE = ["TASKS", "SHARED", "FOREIGN", "PTHREAD", "TEXT", "AWAIT", "CANCEL"]

Spread = collections.namedtuple("Spread", "median low high")

# ---- What was measured ----


class Candidate:
    def __init__(self, role):
        self.role = role
        self.failure = None
        self.values = {}  # metric: Spread
        self.ratios = {}  # metric: Spread, of ours divided by this one's


class Row:
    def __init__(self, fields):
        self.name, self.family, self.operation = fields["row"], fields["family"], fields["operation"]
        self.world, self.threads, self.compared = fields["world"], int(fields["threads"]), fields["compared"]
        self.load, self.others = float(fields["load"]), float(fields["others"])
        self.refused = None  # why the world was not in force
        self.candidates = {}

    @staticmethod
    def missing(name, world):
        """One that the benchmark has, and the run has not."""
        row = Row(collections.defaultdict(lambda: "0", row=name, world=world, compared="time"))
        row.refused = "the run left them out"
        return row

    def best(self, role, metric=None):
        """The name of the candidate in this role with the lowest median, or None."""
        metric = metric or self.compared
        names = [name for name, c in self.candidates.items() if c.role == role and metric in c.values]
        return min(names, key=lambda name: self.candidates[name].values[metric].median, default=None)

    def ours(self, metric):
        """A Spread, or None if this library has failed."""
        name = self.best("ours", metric)
        return self.candidates[name].values[metric] if name else None

    def ratio(self, role, metric=None, of=None):
        """Ours to the best in this role (the best in metric `of`), as a Spread, or None."""
        metric = metric or self.compared
        name = self.best(role, of or metric)
        return self.candidates[name].ratios.get(metric) if name else None


def read_tsv(path):
    """The rows by world and name, and the notes in front of them."""
    worlds, notes = {world: {} for world in WORLDS}, {}
    lines = path.read_text().splitlines()
    while lines[0].startswith("# "):
        name, value = lines.pop(0)[2:].split("\t")
        notes[name] = value
    names = lines.pop(0).split("\t")
    for line in lines:
        fields = dict(zip(names, line.split("\t")))
        row = worlds[fields["world"]].setdefault(fields["row"], Row(fields))
        if fields["candidate"] == "-":
            row.refused = fields["metric"]
        elif row.others > MOST_OTHERS:
            row.refused = f"other programs used more than {percent(MOST_OTHERS)} of the cores' time"
        if row.refused:
            continue
        candidate = row.candidates.setdefault(fields["candidate"], Candidate(fields["role"]))
        if fields["median"] == "-":
            candidate.failure = fields["metric"]
            continue
        candidate.values[fields["metric"]] = Spread(*(float(fields[k]) for k in ("median", "low", "high")))
        if fields["ratio"] != "-":
            candidate.ratios[fields["metric"]] = Spread(
                *(float(fields[k]) for k in ("ratio", "ratio_low", "ratio_high")))
    return worlds, notes


def with_missing(worlds, listed):
    """The rows that the benchmark lists, in its order, each in its worlds, measured or not; and what else the run has."""
    complete = {world: {} for world in worlds}
    for line in listed.splitlines():
        name, *its_worlds = line.split()
        for world in its_worlds:
            complete[world][name] = worlds[world].get(name) or Row.missing(name, world)
    return {world: complete[world] | rows for world, rows in worlds.items()}


# ---- Numbers and tables as text ----


def digits(value):
    """Three, whatever the size."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 or value == 0 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def spread_text(spread):
    return f"{digits(spread.median)} [{digits(spread.low)}, {digits(spread.high)}]" if spread else "–"


def prose(text):
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def table(heads, lines):
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for line in lines:
        yield "| " + " | ".join(line) + " |"
    yield ""


# ---- The aims ----


def judge(spread, limit):
    if spread.median <= limit:
        return "yes"
    return "in some repetitions" if spread.low <= limit else "**no**"


def exact(value):
    return Spread(value, value, value)


def aim_lines(worlds, private_path_bytes):
    """Lines of: what, the aim, what was measured, whether it is reached."""
    idle, one_core = worlds["idle"], worlds["one-core"]

    def measured(rows, *names):
        return all(name in rows and rows[name].ours(rows[name].compared) for name in names)

    def ratio(rows, name, role, limit):
        if name in rows:
            row = rows[name]
            where = "" if row.world == "idle" else f", {row.world}"
            spread = row.ratio(role)
            reached = judge(spread, limit) if spread else failure_of_ours(row) or "not measured"
            yield (f"`{name}`{where}", f"≤ {limit} × {row.best(role) or 'the best ' + role}", spread_text(spread), reached)

    def value(what, text, aim, spread, limit):
        yield (what, aim, text, judge(spread, limit))

    for name in ("acquire", "notify-nobody"):
        yield from ratio(idle, name, "limit", 1.3)
        yield from ratio(idle, name, "peer", 1)
    yield from ratio(idle, "turns", "peer", 0.3)
    yield from ratio(idle, "turns-apart", "peer", 0.3)
    yield from ratio(one_core, "turns", "peer", 1)
    for rows in (idle, one_core):
        for name in rows:
            if name.startswith("buffer-") and "foreign" not in name:
                yield from ratio(rows, name, "peer", 1)
    for name in idle:
        if re.fullmatch(r"ring-\d\d+", name):
            yield from ratio(idle, name, "peer", 0.8)
    for rows in worlds.values():
        for name in rows:
            if name.startswith("await-"):
                yield from ratio(rows, name, "peer", 1 if "buffer" in name else 1.1)
    if measured(idle, "ring-16", "ring-512"):
        few, many = idle["ring-16"], idle["ring-512"]
        grows = many.ours("time").median / few.ours("time").median
        limit = many.candidates[many.best("limit")].values["time"].median / \
            few.candidates[few.best("limit")].values["time"].median
        yield from value("`ring-512`, beside `ring-16`", f"{digits(grows)} (the limit's: {digits(limit)})",
                         "≤ 1.5", exact(grows), 1.5)
    for name in idle:
        if name.startswith("broadcast-"):
            yield from ratio(idle, name, "peer", 0.8)
    if measured(idle, "broadcast-8", "broadcast-512"):
        few, many = (idle[name].ours("time").median for name in ("broadcast-8", "broadcast-512"))
        grows = (many / 512) / (few / 8)
        yield from value("`broadcast-512`, for each waiter, beside `broadcast-8`", digits(grows),
                         "linear: about 1", exact(grows), 1.25)
    for name, row in [*idle.items(), *one_core.items()]:
        counts = row.ours("futexes")
        if counts is None:
            continue
        if name == "notify-nobody":
            limit = 0
        elif name.startswith("broadcast-") and row.world == "idle":
            limit = 2 * (row.threads - 1) + 2
        elif name == "turns" and row.world == "one-core":
            limit = 2.2
        else:
            continue
        # In whole calls, where there are many: the first to arrive at a broadcast meet in the lock.
        judged = Spread(*map(round, counts)) if limit > 10 else counts
        yield from value(f"`{name}`{'' if row.world == 'idle' else ', one-core'}, futex calls", spread_text(counts),
                         f"≤ {limit}", judged, limit)
    for name in ("longest-4", "longest-16"):
        yield from ratio(idle, name, "peer", 1)
    if measured(idle, "longest-16"):
        share = idle["longest-16"].ours("slowest_share")
        # Here higher is better, so the signs are reversed.
        turned = Spread(-share.median, -share.high, -share.low)
        yield from value("`longest-16`, the slowest thread's share of the mean", spread_text(share), "≥ 0.5",
                         turned, -0.5)
    for rows in (idle, one_core):
        over = [f"`{name}` {spread_text(cpu)}" for name, row in rows.items()
                if (cpu := row.ratio("peer", "cpu")) and cpu.median > 1.5]
        if any(row.candidates for row in rows.values()):
            yield (f"CPU time, all rows, {next(iter(rows.values())).world}", "≤ 1.5 × the thriftiest peer's",
                   "over it: " + ", ".join(over) if over else "all rows", "**no**" if over else "yes")
    if measured(idle, "expire"):
        row = idle["expire"]
        early = row.ours("early")
        yield from value("`expire`, how many are early", digits(early.high), "0", exact(early.high), 0)
        if sleep := row.best("limit"):
            ours, theirs = row.ours("lateness").median, row.candidates[sleep].values["lateness"].median
            yield from value("`expire`, lateness", f"{digits((ours - theirs) / 1000)} µs more",
                             "≤ clock_nanosleep's + 10 µs", exact(ours - theirs), 10000)
    if private_path_bytes:
        yield from value("code of the private path, x86-64, `-O2`: the library without tasks, await, cancel, shared and foreign "
                         "locks and texts", f"{private_path_bytes} bytes",
                         "≤ 8192 bytes", exact(private_path_bytes), 8192)


def private_path_bytes():
    """The machine code at -O2 of the library as it is built, with nothing but private locks."""
    if platform.machine() != "x86_64":
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "made.o")
        subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-O2", "-I", ROOT / "include", "-I", ROOT / "src",
                        *(f"-DCONDVAR_NO_{feature}" for feature in NOT_PRIVATE), "-c", ROOT / "src" / "all.c",
                        "-o", made], check=True)
        return sum(map(int, re.findall(r"^\.text\S*\s+(\d+)", command("size", "-A", made), re.M)))


# ---- The other tables ----


def summary_lines(worlds):
    """The flagship's rows, with the ratio to the best peer in each world."""
    names = dict.fromkeys(name for rows in worlds.values() for name in rows if FLAGSHIP.fullmatch(name))
    for name in names:
        ratios = (worlds[world][name].ratio("peer") if name in worlds[world] else None for world in WORLDS)
        yield (f"`{name}`", *(digits(ratio.median) if ratio else "–" for ratio in ratios))


def world_lines(rows):
    for row in rows.values():
        what = f"`{row.name}`" + ("" if row.compared == "time" else f" ({row.compared.replace('_', ' ')})")
        ours = row.ours(row.compared)
        if ours is None:
            yield (what, row.refused and "not measured" or failure_of_ours(row) or "–", "–", "–", "–")
            continue
        cpu = row.ratio("peer", "cpu")
        yield (what, digits(ours.median), row.best("peer") or "–", spread_text(row.ratio("peer")),
               digits(cpu.median) if cpu else "–")


def failure_of_ours(row):
    return next((c.failure for c in row.candidates.values() if c.role == "ours" and c.failure), None)


def world_section(world, rows):
    """What was measured in one world, and how much it was in force."""
    said = f"In this world {WORLDS[world]}."
    measured = [row for row in rows.values() if not row.refused]
    if measured:
        if world in ("awake", "busy"):
            said += f" The load used {percent(statistics.median(row.load for row in measured))} of the cores' time."
        said += (f" Other programs used {percent(statistics.median(row.others for row in measured))} of the cores' "
                 f"time, and {percent(max(row.others for row in measured))} in the worst row.")
    for reason in dict.fromkeys(row.refused for row in rows.values() if row.refused):
        names = ", ".join(f"`{row.name}`" for row in rows.values() if row.refused == reason)
        said += f" Not measured, because {reason}: {names}."
    yield from (f"### {world}", "", prose(said), "")
    yield from table(["row", "ns", "best peer", "ratio", "CPU ratio"], world_lines(rows))


def percent(share):
    return f"{100 * share:.0f} %"


def medians(rows, metric):
    """A table of one metric for each set of candidates that rows share."""
    shared = {}
    for row in rows.values():
        if row.candidates:
            shared.setdefault(tuple(row.candidates), []).append(row)
    for names, group in shared.items():
        lines = []
        for row in group:
            line = [f"`{row.name}`"]
            for name in names:
                candidate = row.candidates[name]
                spread = candidate.values.get(metric)
                line.append(candidate.failure or (digits(spread.median) if spread else "–"))
            lines.append(line)
        yield from table(["row", *names], lines)


# ---- The plots ----

COLOURS = {
    "condvar": "#c00000", "pthread": "#1f77b4", "C++ any": "#17a0b8", "nsync cv": "#2ca02c",
    "nsync mu_wait": "#8bc34a", "Abseil CondVar": "#9467bd", "Abseil Await": "#e377c2",
}

PLOTS = {  # family: title, what y is; each y is divided by the number of waiters if the last is true
    "ring": ("A ring of threads on one condition", "for each turn", False),
    "ring-all": ("The same ring, each turn by notify_all", "for each turn", False),
    "await-ring": ("The same ring, by waits that need no notify", "for each turn", False),
    "broadcast": ("Broadcast, until all are through the lock and back", "for each waiter", True),
    "herd": ("All wait for an item, one gets it", "for each item", False),
    "buffer": ("Bounded buffer, one condition", "for each item", False),
    "buffer-two": ("Bounded buffer, two conditions", "for each item", False),
    "await-buffer": ("Bounded buffer, by waits that need no notify", "for each item", False),
    "unlimited": ("Unlimited buffer", "for each item", False),
    "hammer": ("All threads want one lock", "for each acquire and release", False),
    "longest": ("All threads want one lock", "longest wait", False),
}


def ns_text(ns):
    for size, unit in ((10 ** 9, "s"), (10 ** 6, "ms"), (1000, "µs")):
        if ns >= size:
            return f"{ns // size} {unit}"
    return f"{ns} ns"


def curves_of(number, group, for_each_waiter):
    """The data of one world's panel, its curves, and all its y."""
    blocks, curves, ys = [], [], []
    for name in dict.fromkeys(name for row in group for name in row.candidates):
        points = []
        for row in group:
            if name in row.candidates and row.compared in row.candidates[name].values:
                spread = row.candidates[name].values[row.compared]
                scale = row.threads - 1 if for_each_waiter else 1
                points.append(" ".join(f"{x:.6g}" for x in (row.threads, *(v / scale for v in spread))))
                ys += [v / scale for v in spread]
        if not points:
            continue
        role = group[0].candidates[name].role
        width, dash = (3, 1) if role == "ours" else (1.5, 1) if role == "peer" else (1.5, 2)
        block = f"$data{number}_{len(curves)}"
        blocks += [f"{block} << END", *points, "END"]
        curves.append(f'{block} with yerrorlines title "{name}" linewidth {width} dashtype {dash} '
                      f'pointtype 7 pointsize 0.4 linecolor rgb "{COLOURS.get(name, "#808080")}"')
    return blocks, curves, ys


def plot_name(folder, family):
    """With the machine in it: the site has all plots in one folder."""
    return f"{folder.name}-{family}.svg"


def plot(family, worlds, folder):
    """Draws what rows of a family have compared, a panel for each world, with bars from quartile to quartile."""
    title, label, for_each_waiter = PLOTS[family]
    panels, blocks, all_ys, threads = [], [], [], set()
    for world, rows in worlds.items():
        group = sorted((row for row in rows.values() if row.family == family and row.candidates),
                       key=lambda row: row.threads)
        if len(group) >= 2:
            data, curves, ys = curves_of(len(panels), group, for_each_waiter)
            blocks += data
            all_ys += ys
            threads |= {row.threads for row in group}
            panels.append((world, curves))
    all_ys = [y for y in all_ys if y > 0]
    if not panels or not all_ys:
        return None
    low, high = min(all_ys) / 1.3, max(all_ys) * 1.3
    steps = (digit * 10 ** power for power in range(11) for digit in ((1, 2, 5) if high / low < 100 else (1,)))
    ticks = ", ".join(f'"{ns_text(y)}" {y}' for y in steps if low <= y <= high)
    script = [
        'set terminal svg size 960,640 font "sans-serif,12" background rgb "white"',
        f'set output "{folder / plot_name(folder, family)}"', *blocks,
        f'set multiplot title "{title}: {label}, against the number of threads" noenhanced',
        "set logscale xy", f'set xtics ({", ".join(map(str, sorted(threads)))})', f"set ytics ({ticks})",
        f"set xrange [{min(threads) / 1.2}:{max(threads) * 1.2}]", f"set yrange [{low}:{high}]", "set grid ytics",
    ]
    for number, (world, curves) in enumerate(panels):
        left, top = 0.07 + 0.37 * (number % 2), 0.90 - 0.46 * (number // 2)
        script += [
            f"set lmargin at screen {left}", f"set rmargin at screen {left + 0.30}",
            f"set tmargin at screen {top}", f"set bmargin at screen {top - 0.36}",
            "set key at screen 0.99,0.90 noenhanced" if number == 0 else "unset key", f'set title "{world}" noenhanced',
            "plot " + ", ".join(curves)]
    script.append("unset multiplot")
    subprocess.run(["gnuplot"], input=("\n".join(script) + "\n").encode(), check=True)
    return f"{title}: {label}, against the number of threads, in each world"


# ---- The machine ----


def command(*words):
    try:
        return subprocess.run(words, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    return dict(re.findall(r"^(.+?)\s*:\s*(.*)$", command("lscpu"), re.M))


def machine_folder():
    """AMD EPYC 7R13 Processor with 2 cores: amd-epyc-7r13-2."""
    name = processor().get("Model name", platform.machine())
    name = re.sub(r"\((R|TM)\)|@.*|\b(CPU|Processor|\d+-Core)\b", " ", name, flags=re.I)
    words = re.findall(r"[a-z0-9]+", name.lower()) or ["unknown"]
    return "-".join([*words, str(len(os.sched_getaffinity(0)))])


def machine(program):
    """The processor, the system and the libraries, in one sentence each."""
    cpu = processor()
    cores = len(os.sched_getaffinity(0))
    hypervisor = f", virtual ({cpu['Hypervisor vendor']})" if "Hypervisor vendor" in cpu else ""
    yield (f"{cores} core{'' if cores == 1 else 's'} of {cpu.get('Model name', platform.machine())} "
           f"(family {cpu.get('CPU family', '?')}, model {cpu.get('Model', '?')}{hypervisor})")
    yield f"{platform.system()} {platform.release()}"
    linked = command("ldd", program)
    libraries = re.findall(r"=> (\S*(?:nsync|absl_synchronization|benchmark|stdc\+\+)\S*)", linked)
    yield "glibc " + platform.libc_ver()[1]
    yield from sorted(os.path.basename(os.path.realpath(path)) for path in libraries)
    if version := command(os.environ.get("CC", "gcc"), "--version"):
        yield version.splitlines()[0]


# ---- The page ----


def replace_block(text, name, block):
    """What stands between the two comments of this name."""
    begin, end = f"<!-- {name}: written by tests/bench/report.py -->\n", f"<!-- end of {name} -->\n"
    if begin not in text or end not in text:
        sys.exit(f"report: {PAGE} has no place for {name}")
    before, rest = text.split(begin, 1)
    return before + begin + "\n" + block.strip("\n") + "\n\n" + end + rest.split(end, 1)[1]


def run_lines(worlds, notes, program):
    """The tables of a run, without its plots."""
    commit = command("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*").strip()
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    lines = [
        prose("; ".join(machine(program)) + "."), "",
        f"Of {date}, commit {commit or 'unknown'}. Each row was measured in {notes['processes']} process{'es' * (notes['processes'] != '1')} with up "
        f"to {notes['repetitions']} repetitions, each measurement of about {notes['seconds']} s.",
    ]
    if notes.get("missing"):
        lines[-1] += f" Without {notes['missing'].strip().replace(' ', ' and ')}, whose library was not there."
    lines[-1] = prose(lines[-1])
    lines += ["", "### The worlds beside each other", "",
              "The time of this library divided by the best peer's. Below 1, this library is faster.", ""]
    lines += table(["row", *WORLDS], summary_lines(worlds))
    for world, rows in worlds.items():
        if rows:
            lines += world_section(world, rows)
    lines += ["### The aims", "", "In the world idle where no other is named.", ""]
    lines += table(["row", "aim", "measured", "reached"], aim_lines(worlds, private_path_bytes()))
    return lines


def plot_lines(plots, folder, path):
    lines = ["### Cost against the number of threads", ""]
    for family, title in plots.items():
        lines += [f"![{title}]({path}{plot_name(folder, family)})", ""]
    return lines


def other_machines(here):
    """A link for each other machine, with the first paragraph of its tables, which says what it is."""
    for path in sorted(FOLDER.glob("*/tables.md")):
        if path.parent.name != here:
            said = path.read_text().split("\n\n")[1].replace("\n", " ")
            link = f"- [{path.parent.name}](performance/{path.parent.name}/tables.md): {said}"
            yield prose(link).replace("\n", "\n  ")


def medians_page(worlds):
    lines = ["# The medians", "", "Written by `tests/bench/report.py`. What they mean: "
             "[../../performance.md](../../performance.md).", ""]
    for metric, title in (("time", "Time, in ns"), ("cpu", "CPU time, in ns"),
                          ("switches", "Context switches"), ("futexes", "Futex calls")):
        for world, rows in worlds.items():
            if any(row.candidates for row in rows.values()):
                lines += [f"## {title}, for each operation, {world}", "", *medians(rows, metric)]
    for metric in ("longest_wait", "slowest_share", "lateness", "early"):
        for world, rows in worlds.items():
            if some := {name: row for name, row in rows.items() if row.ours(metric)}:
                lines += [f"## {metric.replace('_', ' ').capitalize()}, {world}", "", *medians(some, metric)]
    return "\n".join(lines).rstrip("\n") + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: report DIRECTORY")
    directory = pathlib.Path(sys.argv[1])
    program = directory / "tests" / "bench" / "bench"
    worlds, notes = read_tsv(directory / "bench.tsv")
    worlds = with_missing(worlds, command(program, "--list"))  # M:missing-rows
    name = machine_folder()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()

    run = run_lines(worlds, notes, program)
    plots = {family: title for family in PLOTS if (title := plot(family, worlds, folder))}
    shared = directory / "bench-shared.txt"
    shared_block = "```text\n" + shared.read_text().strip("\n") + "\n```" if shared.exists() else None

    page = PAGE.read_text()
    page = replace_block(page, "bench", "\n".join(
        [*run, f"The medians of all candidates are in [performance/{name}/medians.md](performance/{name}/medians.md).",
         "", *plot_lines(plots, folder, f"performance/{name}/")]))
    others = "\n".join(other_machines(name)) or "There is none yet."
    page = replace_block(page, "other machines", others)
    if shared_block:
        page = replace_block(page, "bench-shared", shared_block)
    PAGE.write_text(page)

    lines = [f"# Measured on {name}", "", *run, "The medians of all candidates are in [medians.md](medians.md).", "",
             *plot_lines(plots, folder, "")]
    if shared_block:
        lines += ["### Conditions between processes", "", shared_block]
    (folder / "tables.md").write_text("\n".join(lines).rstrip("\n") + "\n")
    (folder / "medians.md").write_text(medians_page(worlds))
    print(f"Written: {PAGE.relative_to(ROOT)} and {folder.relative_to(ROOT)}/")


main()
