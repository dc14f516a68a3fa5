#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write condvar_single.h: src/single.h with the files that it includes, and those that they include, in place.

    single_header.py OUTPUT VERSION LICENSE [DEPFILE]

A program must be able to have names of its own. So in the implementation, which is all.c, each name at file scope,
and each macro, gets a prefix, and the macros are undefined in the end; a user of the header cannot meet one, nor can a
system's headers, which may declare another wait().
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
INCLUDE = SOURCE.parent / 'include'

# Of the user's own files, and of the system's.
SYSTEMS = re.compile(r'_|SYS_')
KEPT = re.compile(SYSTEMS.pattern + r'|cond_|COND_|condvar_|CONDVAR_|port_(wait|wake|now|self|local)$')
MEMORY_ORDERS = {'relaxed', 'acquire', 'release', 'acq_rel'}  # pasted to memory_order_

LOCAL_INCLUDE = re.compile(r'^#\s*include "([^"]+)"')
TOKEN = re.compile(r'''(?P<comment>/\*.*?\*/|//[^\n]*) | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
                     | (?P<include>^\#[ ]*include[ ]*<[^>\n]*>) | (?P<probe>(?<=PROBE_\()\w+)
                     | (?P<number>\b\d\w*) | (?P<name>[A-Za-z_]\w*)''', re.X | re.S | re.M)
WORD = re.compile(r'[A-Za-z_]\w*')


def fail(*words):
    sys.exit('single_header.py: ' + ' '.join(words))


# ---- Putting the files together ----

read = set()  # all files: what the output depends on


def text_of(path):
    read.add(path)
    text = path.read_text(encoding='utf-8')
    return re.sub(r'\A/\* SPDX-License-Identifier: MIT \*/\n', '', text)


def guard_of(text):
    """A header's include guard, and what is inside it."""
    match = re.fullmatch(r'(?P<before>\s*)#ifndef (?P<guard>\w+_H)\n#define (?P=guard)\n(?P<inside>.*)#endif\s*', text, re.S)
    return (match['guard'], match['inside'].strip('\n') + '\n') if match else (None, text)


class Expander:
    """Files with their local includes in place. A header stands once, where that is not inside an #if; in one of them
    again, with its guard, since only one of its copies may be seen."""

    def __init__(self):
        self.always = set()    # headers that stand where every reader passes
        self.sometimes = set()

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
    fail(f'{path} includes "{name}", which is not there')


# ---- Names ----

def without(text, *kinds):
    """The text with comments, and what else is asked for, as blanks."""
    def blank(match):
        return ' ' if match.lastgroup in kinds else match[0]
    return TOKEN.sub(blank, text)


def macros_of(text):
    return {name for name in re.findall(r'^#\s*define\s+(\w+)', without(text, 'comment'), re.M)}


def file_scope_names(text):
    """The names that a C file declares at file scope: functions, variables, types, tags, constants."""
    code = without(text, 'comment', 'text')
    code = re.sub(r'^#(?:[^\n]*\\\n)*[^\n]*', '', code, flags=re.M)
    names = set(re.findall(r'\b(?:struct|union|enum)\s+(\w+)\s*{', code))
    chunk, depth = '', 0
    for part in re.split(r'([{};])', code):
        if part == '{':
            if depth == 0:
                chunk += '{'
            depth += 1
        elif part == '}':
            depth -= 1
            if depth == 0:
                enumeration = re.search(r'\benum\b\s*\w*\s*{(.*)', chunk, re.S)
                if enumeration:
                    names |= {WORD.match(item.strip())[0] for item in enumeration[1].split(',') if item.strip()}
                head = chunk.split('{')[0]
                if is_function(head):
                    names.add(name_of(head))
                    chunk = ''
                else:
                    chunk = head
        elif part == ';' and depth == 0:
            names.add(name_of(chunk))
            chunk = ''
        else:
            chunk += part
    return {name for name in names if name}


def is_function(head):
    return '(' in head and '=' not in head


def name_of(declaration):
    declaration = re.sub(r'__attribute__\s*\(\(.*?\)\)', '', declaration, flags=re.S)
    if re.match(r'\s*_Static_assert', declaration):
        return None
    if is_function(declaration):
        return re.search(r'(\w+)\s*\(', declaration)[1]
    declared = re.match(r'[^=\[]*', declaration)[0]
    words = WORD.findall(declared)
    return words[-1] if len(words) > 1 and words[-2] not in ('struct', 'union', 'enum') else None


def members_of(header):
    code = without(header, 'comment', 'text')
    return {name for name in re.findall(r'\b(\w+)\s*(?:\[[^\]]*\]|:\s*\d+)?;', code)} | \
           {name for name in re.findall(r'\(\*(\w+)\)', code)}


def prefixed(name):
    return ('CONDVAR_' if name.isupper() else 'condvar_') + name


def with_own_names(text, header):
    """The implementation with all its names prefixed, and the macros that it is to undefine."""
    macros = macros_of(text)
    names = {name for name in file_scope_names(text) | macros if not KEPT.match(name)}
    both = names & (members_of(header) | MEMORY_ORDERS)
    if both:
        fail('these cannot be told from members of condvar.h, or memory orders; rename them:', *sorted(both))
    taken = {prefixed(name) for name in names} & set(WORD.findall(text + header))
    if taken:
        fail('these are there already:', *sorted(taken))

    def rename(match):
        if match.lastgroup == 'name' and match[0] in names:
            return prefixed(match[0])
        if match.lastgroup == 'comment':
            return re.sub(r'(\w+)(?=\(\))', lambda word: prefixed(word[0]) if word[0] in names else word[0], match[0])
        return match[0]

    own = {prefixed(name) if name in names else name for name in macros if not SYSTEMS.match(name)}
    return TOKEN.sub(rename, text), sorted(own)


# ---- The output ----

def port_functions(path):
    """The declarations of port.h, as those see them who write a port."""
    guard, text = guard_of(text_of(path))
    text = re.sub(r'^#include.*\n', '', text, flags=re.M).replace('INTERNAL ', '')
    return f'#ifndef {guard[:-1]}DECLARED_\n#define {guard[:-1]}DECLARED_\n{text}#endif\n'


def single_header(version, licence):
    header = text_of(INCLUDE / 'condvar.h')
    path = SOURCE / 'single.h'
    output = [f'/* SPDX-License-Identifier: MIT */\n/* libcondvar {version} */\n']
    for line in text_of(path).splitlines(keepends=True):
        include = LOCAL_INCLUDE.match(line)
        name = include[1] if include else None
        if name is None:
            output.append(line)
        elif name == 'condvar.h':
            output.append(header)
        elif name == 'port.h':
            output.append(port_functions(SOURCE / name))
        elif name == 'all.c':
            expander = Expander()
            expander.always |= {INCLUDE / 'condvar.h', SOURCE / 'port' / 'which.h'}
            code, macros = with_own_names(expander.expand(SOURCE / name), header)
            output += [code, ''.join(f'#undef {macro}\n' for macro in macros)]
        else:
            output.append(text_of(SOURCE / name))
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
