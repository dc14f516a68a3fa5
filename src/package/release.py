#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fill in the files for WrapDB, Conan and vcpkg that belong to a release.

    release.py TARBALL FOLDER URL

TARBALL is what `meson dist` made: condvar-VERSION.tar.gz. Its CHANGELOG.md has a date for VERSION. The files are
written to FOLDER. They download the tarball from the folder URL.
"""
import hashlib
import pathlib
import re
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
from home import HOME, IS_REAL  # noqa: E402
FILES = ['wrapdb/condvar.wrap', 'conan/conanfile.py', 'conan/conandata.yml', 'conan/test_package/conanfile.py',
         'conan/test_package/meson.build', 'conan/test_package/app.c', 'vcpkg/vcpkg.json', 'vcpkg/portfile.cmake']


def main(tarball, folder, url):
    if not IS_REAL:
        sys.exit(f"release.py: home.py does not have the project's page: {HOME}")
    tarball = pathlib.Path(tarball)
    name = re.fullmatch(r'condvar-(\d+\.\d+\.\d+)\.tar\.gz', tarball.name)
    if not name:
        sys.exit(f'release.py: not a tarball of meson dist --formats gztar: {tarball}')
    with tarfile.open(tarball) as archive:
        changes = archive.extractfile(f'condvar-{name[1]}/CHANGELOG.md').read().decode('utf-8')
    if not re.search(rf'^## \[{re.escape(name[1])}\] - \d{{4}}-\d\d-\d\d$', changes, re.M):
        sys.exit(f'release.py: CHANGELOG.md has no line "## [{name[1]}] - YYYY-MM-DD"')
    data = tarball.read_bytes()
    values = {'VERSION': name[1], 'HOME': HOME, 'URL': url, 'SHA256': hashlib.sha256(data).hexdigest(),
              'SHA512': hashlib.sha512(data).hexdigest()}
    for file in FILES:
        path = pathlib.Path(folder) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (HERE / file).read_text(encoding='utf-8')
        path.write_text(re.sub('@(VERSION|HOME|URL|SHA256|SHA512)@', lambda match: values[match[1]], text), encoding='utf-8')


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
