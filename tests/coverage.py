#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py - compare gcovr's result with an allowlist

    tests/coverage.py branches|lines COVERAGE.json ALLOWLIST

Run it in the source folder. tests/coverage.allow says what the lines of an ALLOWLIST mean. Exit status 1 if a function has
more lines than allowed with an untaken branch (or lines that did not run), or if an allowed function does not exist.
"""
import json
import re
import sys


def function_of(source):
    """For each line of a C file: the name of the function that it belongs to, or None."""
    names, name, body = [None], None, False
    for line in source:
        start = re.match(r"[A-Za-z][^;=#]*?(\w+)\(", line)
        if not body and start and not line.endswith(";"):
            name = start[1]
        body = body or line == "{"
        names.append(name)
        if line == "}":
            name, body = None, False
    return names


kind, coverage, allowlist = sys.argv[1:]
allowed = {}
for line in open(allowlist):
    if line.strip() and not line.startswith("#"):
        file, function, count, reason = line.rstrip("\n").split(" | ", 3)
        allowed[file, function] = int(count)

problems = []
for file, function in allowed:
    if function not in function_of(open(file).read().splitlines()):
        problems.append(f"{file}: there is no function {function}()")
missed, total = {}, 0
for file in json.load(open(coverage))["files"]:
    source = open(file["file"]).read().splitlines()
    functions = function_of(source)
    for line in file["lines"]:
        parts = line["branches"] if kind == "branches" else [line]
        count = sum(part["count"] == 0 for part in parts)
        if count and not line.get("gcovr/noncode"):
            total += count
            number = line["line_number"]
            missed.setdefault((file["file"], functions[number]), []).append((number, source[number - 1].strip()))
for (file, function), lines in missed.items():
    if len(lines) > allowed.get((file, function), 0):
        problems += [f"{file}:{number}: in {function}(): not all {kind} run: {code}" for number, code in lines]
print(*problems, f"{total} {kind} did not run; {len(problems)} problems", sep="\n")
sys.exit(1 if problems or total == 0 else 0)
