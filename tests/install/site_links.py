#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""site_links.py FOLDER - each link and each picture of the HTML files in FOLDER leads to a file there, and to an anchor

It prints a line for each that does not, and then fails.
"""
import functools
import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors = set()
        self.targets = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name"):
                self.anchors.add(value)
            elif name in ("href", "src", "data"):
                self.targets.add(value)


@functools.cache
def page(path):
    return Page(path.read_text(encoding="utf-8"))


def is_dead(path, target):
    scheme, host, file, _, anchor = urllib.parse.urlsplit(target)
    if scheme in ("http", "https") and host:
        return False
    if scheme or host:
        return True
    aim = path.parent / urllib.parse.unquote(file) if file else path
    if not aim.is_file():
        return True
    return bool(anchor) and urllib.parse.unquote(anchor) not in page(aim).anchors


dead = [f"{path.name} leads to {target}" for path in sorted(pathlib.Path(sys.argv[1]).glob("**/*.html"))
        for target in sorted(page(path).targets) if is_dead(path, target)]
print("\n".join(dead))
sys.exit(bool(dead))
