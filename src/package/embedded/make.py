#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write condvar-embedded-VERSION.tar.gz: the single header for microcontrollers, with the manifests of their tools.

    make.py OUTPUT VERSION SINGLE_HEADER LICENSE

The same input gives the same bytes.
"""
import gzip
import io
import pathlib
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True
from home import HOME, IS_REAL  # noqa: E402
FILES = ['README.md', 'library.json', 'library.properties', 'idf_component.yml', 'CMakeLists.txt',
         'libcondvar.condvar.pdsc', 'zephyr/module.yml', 'zephyr/CMakeLists.txt', 'zephyr/Kconfig', 'src/condvar.h',
         'src/condvar.c', 'ports/port_freertos.c', 'ports/port_zephyr.c']
# The ports include "port.h", the file that declares a port's functions. In this bundle the single header declares them.
PORT_H = '/* SPDX-License-Identifier: MIT */\n#include "../src/condvar.h"\n'


def content(version, single_header, licence):
    files = {name: (HERE / name).read_text(encoding='utf-8').replace('@VERSION@', version).replace('@HOME@', HOME)
             for name in FILES}
    files['ports/port.h'] = PORT_H
    files['src/condvar_single.h'] = pathlib.Path(single_header).read_text(encoding='utf-8')
    files['LICENSE'] = pathlib.Path(licence).read_text(encoding='utf-8')
    return files


def main(output, version, single_header, licence):
    if not IS_REAL:
        print("make.py: not for release: home.py does not have the project's page", file=sys.stderr)
    with open(output, 'wb') as file, gzip.GzipFile('', 'wb', fileobj=file, mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode='w', format=tarfile.USTAR_FORMAT) as bundle:
        for name, text in sorted(content(version, single_header, licence).items()):
            data = text.encode('utf-8')
            member = tarfile.TarInfo(f'condvar-embedded-{version}/{name}')
            member.size = len(data)
            bundle.addfile(member, io.BytesIO(data))


if __name__ == '__main__':
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
