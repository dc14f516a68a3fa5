#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report.py - write what the benchmarks have measured into docs/performance.md and docs/performance/MACHINE/

    tests/bench/report.py DIRECTORY

DIRECTORY has bench.tsv and bench-shared.txt, which `tests/run bench` has written: .build/programs. The same command
makes the page and the plots again from an earlier run on this machine. MACHINE is the name of the processor and the
number of cores, so the last run on each machine is kept: its tables, its medians and its plots. The page shows the
summary and some plots of the last run, between two comments, and links the rest. No figure there is written by hand.
Needs gnuplot.
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

sys.dont_write_bytecode = True
import plots  # plots.py, beside this file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "performance"

WORLDS = {  # in the order of the page
    "idle": "nothing else runs, so a core may fall asleep",
    "awake": "an idle-class loop on each core keeps it from falling asleep",
    "busy": "a normal-class loop on each core takes its share of it",
    "one-core": "all threads are on one core, and nothing else runs",
}

# A row is not measured if other programs used more of the cores' time than this (worlds.hpp).
MOST_OTHERS = 0.2

# The rows of the summary: what most programs do with a condition.
SUMMARY = re.compile(r"turns|(buffer|broadcast|ring|unlimited|await)-.*|herd-16")

# The plots of the page. The tables have all of them.
ON_PAGE = ["ring", "broadcast", "buffer", "cpu", "shared"]

# CONDVAR_NO_...: what is left out of the code of the private path.
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
        """A row that the benchmark has, but the run does not."""
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
    """All rows that the benchmark lists, in its order, each in its worlds, measured or not; then the run's other rows."""
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


def aim_lines(worlds):
    """Each line: the row, the aim, the measured value, whether the aim is reached."""
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
        # Rounded to whole calls if there are many: the first waiters to arrive at a broadcast meet at the lock.
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
            yield (f"CPU time, all rows, {next(iter(rows.values())).world}", "≤ 1.5 × the best peer's",
                   "over it: " + ", ".join(over) if over else "all rows", "**no**" if over else "yes")
    if measured(idle, "expire"):
        row = idle["expire"]
        early = row.ours("early")
        yield from value("`expire`, how many are early", digits(early.high), "0", exact(early.high), 0)
        if sleep := row.best("limit"):
            ours, theirs = row.ours("lateness").median, row.candidates[sleep].values["lateness"].median
            yield from value("`expire`, lateness", f"{digits((ours - theirs) / 1000)} µs more",
                             "≤ clock_nanosleep's + 10 µs", exact(ours - theirs), 10000)
    if platform.machine() == "x86_64":
        what = "code of the private path, x86-64, `-O2`: without tasks, await, cancel, shared and foreign locks and texts"
        for flags in (["-fPIC", "-fvisibility=hidden"], []):
            size = private_path_bytes(flags)
            how = "as Meson compiles both libraries" if flags else "as one file of a program, without `-fPIC`"
            yield from value(f"{what}; {how}", f"{size} bytes", "≤ 8192 bytes", exact(size), 8192)


def private_path_bytes(flags):
    """The machine code at -O2 of the library with nothing but private locks."""
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "made.o")
        subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-O2", *flags, "-I", ROOT / "include", "-I", ROOT / "src",
                        *(f"-DCONDVAR_NO_{feature}" for feature in NOT_PRIVATE), "-c", ROOT / "src" / "all.c",
                        "-o", made], check=True)
        return sum(map(int, re.findall(r"^\.text\S*\s+(\d+)", command("size", "-A", made), re.M)))


# ---- The other tables ----


def summary_lines(worlds):
    """The rows of the summary, with the ratio to the best peer in each world."""
    names = dict.fromkeys(name for rows in worlds.values() for name in rows if SUMMARY.fullmatch(name))
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
    """The table of one world, with the load and the other programs that ran."""
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
    """The text with this block between the two comments of this name."""
    begin, end = f"<!-- {name}: written by tests/bench/report.py -->\n", f"<!-- end of {name} -->\n"
    if begin not in text or end not in text:
        sys.exit(f"report: {PAGE} has no place for {name}")
    before, rest = text.split(begin, 1)
    return before + begin + "\n" + block.strip("\n") + "\n\n" + end + rest.split(end, 1)[1]


def summary(worlds, notes, date, program):
    """The machine, the run, and this library beside the best peer in each world."""
    lines = [
        prose("; ".join(machine(program)) + "."), "",
        f"Measured on {date}, commit {notes.get('commit', 'unknown')}. Each row was measured in {notes['processes']} "
        f"process{'es' * (notes['processes'] != '1')} with up to {notes['repetitions']} repetitions, "
        f"and each measurement took about {notes['seconds']} s.",
    ]
    if notes.get("missing"):
        lines[-1] += f" Not installed, so not measured: {notes['missing'].strip().replace(' ', ', ')}."
    lines[-1] = prose(lines[-1])
    lines += ["", "### The worlds beside each other", "",
              "A value is this library's time divided by the best peer's. Below 1, this library is faster.", ""]
    lines += table(["row", *WORLDS], summary_lines(worlds))
    return lines


def details(worlds):
    """The table of each world, and the aims."""
    lines = []
    for world, rows in worlds.items():
        if rows:
            lines += world_section(world, rows)
    lines += ["### The aims", "", "The world is idle if no other is named.", ""]
    lines += table(["row", "aim", "measured", "reached"], aim_lines(worlds))
    return lines


def plot_lines(drawn, folder, path):
    lines = ["### Plots", ""]
    for plot, text in drawn.items():
        lines += [f"![{text}]({path}{plots.name_of(folder, plot)})", ""]
    return lines


def other_machines(here):
    """A link for each other machine, with the first paragraph of its tables: the machine."""
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
    measured = directory / "bench.tsv"
    worlds, notes = read_tsv(measured)
    worlds = with_missing(worlds, command(program, "--list"))  # M:missing-rows
    date = datetime.datetime.fromtimestamp(measured.stat().st_mtime, datetime.timezone.utc).strftime("%Y-%m-%d")
    shared = directory / "bench-shared.txt"
    shared = shared.read_text().strip("\n") if shared.exists() else ""
    name = machine_folder()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()

    run = summary(worlds, notes, date, program)
    drawn = plots.draw_all(worlds, shared, folder)
    on_page = {plot: drawn[plot] for plot in ON_PAGE if plot in drawn}

    page = PAGE.read_text()
    page = replace_block(page, "bench", "\n".join(
        [*run, prose(f"All rows, the aims, all plots, and conditions between processes: "
                     f"[tables](performance/{name}/tables.md). The medians of all candidates: "
                     f"[medians](performance/{name}/medians.md)."),
         "", *plot_lines(on_page, folder, f"performance/{name}/")]))
    others = "\n".join(other_machines(name)) or "There is none yet."
    page = replace_block(page, "other machines", others)
    PAGE.write_text(page)

    lines = [f"# Measured on {name}", "", *run, *details(worlds),
             "The medians of all candidates are in [medians.md](medians.md).", "", *plot_lines(drawn, folder, "")]
    if shared:
        lines += ["### Conditions between processes", "", "```text", shared, "```"]
    (folder / "tables.md").write_text("\n".join(lines).rstrip("\n") + "\n")
    (folder / "medians.md").write_text(medians_page(worlds))
    print(f"Written: {PAGE.relative_to(ROOT)} and {folder.relative_to(ROOT)}/")


main()
