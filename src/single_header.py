#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write condvar_single.h: src/single.h, with each local include replaced by the text of the file.

    single_header.py OUTPUT VERSION LICENSE [DEPFILE]

Names in the implementation have the prefix of their file, so they need no renaming. Macros of the implementation are
undefined at its end: a macro such as COLD would also change the program's own code.
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
INCLUDE = SOURCE.parent / 'include'
LOCAL_INCLUDE = re.compile(r'^#\s*include "([^"]+)"')

read = set()  # the files that the output depends on


def text_of(path):
    read.add(path)
    text = path.read_text(encoding='utf-8')
    return re.sub(r'\A/\* SPDX-License-Identifier: MIT \*/\n', '', text)


def guard_of(text):
    """A header's include guard, and the text inside it."""
    match = re.fullmatch(r'\s*#ifndef (?P<guard>\w+_H)\n#define (?P=guard)\n(?P<inside>.*)#endif\s*', text, re.S)
    return (match['guard'], match['inside'].strip('\n') + '\n') if match else (None, text)


class Expander:
    """Replaces local includes by the files. A header is inserted once if no #if encloses it. Inside an #if it is
    inserted with its guard, and may be inserted again elsewhere: the compiler sees only one of the copies."""

    def __init__(self):
        self.always = set()     # headers that every compilation sees
        self.sometimes = set()  # headers inside an #if

    def expand(self, path, nested=False):
        guard, text = guard_of(text_of(path))
        if path in self.always:
            return ''
        if guard:
            guarded = nested or path in self.sometimes
            (self.sometimes if nested else self.always).add(path)
        depth = 0
        lines = [f'/* ---- {path.relative_to(SOURCE.parent)} ---- */\n\n']
        if guard:
            lines += [f'#ifndef {guard}\n'] if guarded else []
            lines += [f'#define {guard}\n']
        for line in text.splitlines(keepends=True):
            include = LOCAL_INCLUDE.match(line)
            if include:
                lines.append(self.expand(find(path, include[1]), nested or depth > 0))
                continue
            if re.match(r'#\s*if', line):
                depth += 1
            elif re.match(r'#\s*endif', line):
                depth -= 1
            lines.append(line)
        if guard and guarded:
            lines.append('#endif\n')
        return ''.join(lines) + '\n'


def find(path, name):
    for folder in (path.parent, SOURCE, INCLUDE):
        if (folder / name).is_file():
            return (folder / name).resolve()
    sys.exit(f'single_header.py: {path} includes "{name}", which does not exist')


def undefine_macros(code):
    """An #undef for each macro of the code. Names that begin with _ or SYS_ are the system's."""
    names = set(re.findall(r'^#\s*define\s+(?!_|SYS_)(\w+)', code, re.M))
    return ''.join(f'#undef {name}\n' for name in sorted(names))


def port_functions(path):
    """The declarations of port.h without INTERNAL, for the author of a port."""
    guard, text = guard_of(text_of(path))
    text = re.sub(r'^#include.*\n', '', text, flags=re.M).replace('INTERNAL ', '')
    return f'#ifndef {guard[:-1]}DECLARED_\n#define {guard[:-1]}DECLARED_\n{text}#endif\n'


def single_header(version, licence):
    path = SOURCE / 'single.h'
    output = [f'/* SPDX-License-Identifier: MIT */\n/* libcondvar {version} */\n']
    for line in text_of(path).splitlines(keepends=True):
        include = LOCAL_INCLUDE.match(line)
        name = include[1] if include else None
        if name is None:
            output.append(line)
        elif name == 'port.h':
            output.append(port_functions(SOURCE / name))
        elif name == 'all.c':
            expander = Expander()
            expander.always |= {INCLUDE / 'condvar.h', SOURCE / 'port' / 'which.h'}
            code = expander.expand(SOURCE / name)
            output += [code, undefine_macros(code)]
        else:
            output.append(text_of(find(path, name)))
    output.append('\n/*\n' + ''.join(f' * {line}'.rstrip() + '\n' for line in licence.splitlines()) + ' */\n')
    return re.sub(r'\n{3,}', '\n\n', ''.join(output))


def main(output, version, licence, depfile=None):
    text = single_header(version, pathlib.Path(licence).read_text(encoding='utf-8'))
    pathlib.Path(output).write_text(text, encoding='utf-8', newline='\n')
    if depfile:
        files = ' '.join(str(path).replace(' ', '\\ ') for path in sorted(read))
        pathlib.Path(depfile).write_text(f'{output}: {files}\n', encoding='utf-8')


if __name__ == '__main__':
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
