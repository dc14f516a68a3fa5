#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
check.py - spin searches the models of `rows`; compare its verdicts with the expected ones

    tests/model/check.py [--short] [--jobs N] [--only WORD] [--again] WORK-DIRECTORY

It prints a table. Exit status 0 if every verdict is as expected, every search without a finding was exhaustive (no limit of
depth or memory, no approximation), the functions that the models name are in src/, and, without --short, some search took
each step of each model (in the rows marked `short` or `cover`, in which spin counts each statement). 77 without spin; else
1.

The searches of the rows marked `full` take hours. Those that gave the expected verdict are noted in
WORK-DIRECTORY/searched.tsv, with a hash of the program that spin made from the model. A later call does not search the
same program again, unless it has --again.
"""
import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
source = here.parent.parent / "src"
MEMORY_MIB = 8000  # for one of them; the others need at most 3,200
DEPTH = {"short": 400_000, "cover": 4_000_000, "full": 4_000_000}


class Row:
    """A line of `rows`: kind | model | definitions | expected verdict."""

    def __init__(self, number, line):
        self.number = number
        self.kind, self.model, self.defines, self.expected = [part.strip() for part in line.split("|")]
        self.macros = self.defines.split()
        self.live = any(macro.startswith("LIVE") for macro in self.macros)
        self.covers = self.kind in ("short", "cover") and self.expected.startswith("holds")
        self.verdict, self.states, self.memory, self.seconds, self.output = "?", "-", "-", "-", ""
        self.reached, self.unreached = set(), set()
        self.key, self.was_searched = "", False


def read_rows():
    lines = (here / "rows").read_text().splitlines()
    return [Row(i, line) for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]


def first(pattern, text, otherwise=None):
    match = re.search(pattern, text, re.M)
    return match.group(1).strip() if match else otherwise


def verdict_of(output, status):
    """The verdict in the output of pan."""
    if re.search(r"max search depth too small|reached -DMEMLIM|out of memory|aborted|VECTORSZ", output):
        return "incomplete"
    errors = first(r"errors: (\d+)", output)
    if errors is None or status != 0:
        return "failed"
    if errors == "0":
        if re.search(r"Search not completed|Bit statespace|hash-compact", output):
            return "incomplete"
        return "holds"
    what = first(r"^pan:1: (.*?)(?: \(at depth.*)?$", output, "")
    name = first(r"assertion violated\s+!\((\w+)\)", what)
    if name is None:
        name = "starved" if "acceptance cycle" in what else "deadlock" if "end state" in what else what
    return "refuted: " + name


def read_searched(work):
    """{hash: (states, MiB, seconds)} of the searches of earlier calls."""
    file = work / "searched.tsv"
    lines = file.read_text().splitlines() if file.is_file() else []
    return {key: figures for key, *figures in (line.split("\t") for line in lines)}


def hash_of(directory, *commands):
    """Of the program that spin has made, and of how it is compiled and run."""
    hashed = hashlib.sha256(repr(commands).encode())
    for file in sorted(directory.glob("pan.*")):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def run(row, work, searched):
    directory = work / str(row.number)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for file in here.iterdir():
        if file.suffix in (".pml", ".inc"):
            shutil.copy(file, directory)
    macros = ["-D" + macro for macro in row.macros]
    if row.covers:
        macros.append("-Dd_step=atomic")
    # Optimizing would take longer than a short search.
    compiler = ["gcc", "-O0" if row.kind == "short" else "-O2", "-w", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"]
    compiler += ["-DNFAIR=3"] if row.live else ["-DSAFETY", "-DNOFAIR"]
    if row.kind != "short":
        compiler.append("-DCOLLAPSE")
    pan = ["./pan", f"-m{DEPTH[row.kind]}", "-w20" if row.kind == "short" else "-w25"]
    pan += ["-a", "-f"] if row.live else []

    def call(command):
        done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        row.output += done.stdout
        return done

    made = call(["spin", "-o3", "-a", *macros, row.model + ".pml"]).returncode == 0
    row.key = hash_of(directory, compiler, pan, row.expected)
    if row.key in searched:
        row.verdict, row.was_searched = row.expected, True
        row.states, row.memory, row.seconds = searched[row.key]
        shutil.rmtree(directory, ignore_errors=True)
        return row
    if not made or call(compiler).returncode != 0:
        row.verdict = "failed"
        return row
    done = call(pan)
    row.verdict = verdict_of(done.stdout, done.returncode)
    row.states = first(r"^\s*(\d\S*) states, stored", done.stdout, "-")
    row.memory = first(r"^\s*(\S+)\s+total actual memory usage", done.stdout, "-")
    row.seconds = first(r"elapsed time (\S+)", done.stdout, "0")
    if row.verdict == "holds" and row.covers:
        coverage(row, done.stdout, call(["./pan", "-d"]).stdout)
        if any("never_" in text for _, text in row.unreached - row.reached):
            row.verdict = "holds, never done"  # M_NEVER
    if row.verdict == row.expected:
        shutil.rmtree(directory, ignore_errors=True)
    return row


def coverage(row, output, machine):
    """Which statements spin has taken at least once, and which never, as (line, text). A statement leads from one state of
    its process to another, and pan lists the states that it has never reached."""
    never, process = set(), None
    for line in output.splitlines():
        process = first(r"^unreached in (?:proctype )?(\S+)", line, process)
        match = re.match(r'\t\S+:\d+, state (\d+), ".*"$', line)
        if match:
            never.add((process, match[1]))
    process, where = None, {}
    for line in machine.splitlines():
        process = first(r"^(?:proctype|init|claim)\s*(\S*)", line, process)
        match = re.match(r"\tstate +(\d+) -\(tr[^>]*> state +(\d+) .*\] \S+:(\d+) => (.*)$", line)
        if match and not re.match(r"\(*0&&", match[4]):  # else it is false in this search: the macros say so
            process_name = process if process else "init"
            taken = (process_name, match[1]) not in never and (process_name, match[2]) not in never
            # The text has sizes in it.
            statement = re.sub(r"\(\d+\+\d+\)|\d+", "#", match[4])
            where.setdefault((match[3], statement), []).append(taken)
    for statement, taken in where.items():
        (row.reached if any(taken) else row.unreached).add(statement)


def unexpected(rows):
    """Statements of a model that no search has taken, unless their line says `unreached in MODEL:` and why."""
    problems = []
    for model in sorted({row.model for row in rows} - {"task_fair"}):  # task has more of taskq.inc
        own = [row for row in rows if row.model == model and row.covers and row.verdict == "holds"]
        files = [file.read_text().splitlines() for file in [here / (model + ".pml"), *here.glob("*.inc")]]
        reached = set().union(*(row.reached for row in own))
        for line, text in sorted(set().union(*(row.unreached for row in own)) - reached, key=lambda s: int(s[0])):
            allowed = any(int(line) <= len(file) and f"unreached in {model}:" in file[int(line) - 1] for file in files)
            # The last one is a kill at that step.
            if not allowed and text not in ("(#)", "(1)", "else", "-end-", "(((killed&(#<<me))!=#))"):
                problems.append(f"{model}: never done: line {line}: {text}")
    return problems


def body_of(text, function):
    """The source of a function, or None: from its name at the start of a definition to the brace that ends it."""
    match = re.search(r"^[A-Za-z][^\n;]*\b" + function + r"\([^;{]*\)\n\{\n.*?^\}", text, re.M | re.S)
    return match.group(0) if match else None


def anchors():
    """The models name the code that a step stands for: @FILE FUNCTION, or @FILE FUNCTION: CALLED(). Is it in src/?"""
    problems, count = [], 0
    for model in sorted([*here.glob("*.pml"), *here.glob("*.inc")]):
        for file, function, called in re.findall(r"@([\w/]+\.[ch]) (\w+)(?:: (\w+)\(\))?", model.read_text()):
            count += 1
            path = source / file
            body = body_of(path.read_text(), function) if path.is_file() else None
            if body is None:
                problems.append(f"{model.name}: {file}: there is no {function}()")
            elif called and called + "(" not in body:
                problems.append(f"{model.name}: {file}: {function}() does not call {called}()")
    if count == 0:
        problems.append("the models have no anchors")
    return count, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: the models are not searched.")
            return 77

    count, problems = anchors()
    print(f"{count} steps of the models name functions of src/; {len(problems)} are wrong.", flush=True)
    rows = [row for row in read_rows() if (row.kind == "short" or not options.short) and options.only in str(vars(row))]
    form = "{:8} {:62} {:>12} {:>9} {:>7}  {:26} {}"
    print(form.format("model", "size, workload and fault", "states", "MiB", "s", "verdict", "expected"), flush=True)
    searched = {} if options.again else read_searched(options.work)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Begin with the long ones.
        ordered = sorted(rows, key=lambda row: (["full", "cover", "short"].index(row.kind), row.number))
        for future in concurrent.futures.as_completed(
                [pool.submit(run, row, options.work, searched) for row in ordered]):
            row = future.result()
            is_expected = row.verdict == row.expected
            note = "EXPECTED " + row.expected if not is_expected else "searched before" if row.was_searched else ""
            print(form.format(row.model, row.defines, row.states, row.memory, row.seconds, row.verdict, note), flush=True)
            if is_expected and row.kind == "full" and not row.was_searched:
                with open(options.work / "searched.tsv", "a") as file:
                    print(row.key, row.states, row.memory, row.seconds, sep="\t", file=file)
            if not is_expected:
                problems.append(f"{row.model} {row.defines}: {row.verdict}, expected {row.expected}; see {options.work / str(row.number)}")
                if row.verdict == "failed":
                    print(row.output[-2000:])
    if not options.only and not options.short:
        problems += unexpected(rows)
    for problem in problems:
        print(problem)
    print(f"{sum(row.verdict == row.expected for row in rows)} of {len(rows)} verdicts as expected; {len(problems)} problems")
    return 1 if problems or not rows else 0


sys.exit(main())
