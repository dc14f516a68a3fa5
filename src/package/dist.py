#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Put condvar_single.h into the tarball of `meson dist`, which runs this script.

    dist.py VERSION
"""
import os
import pathlib
import subprocess
import sys

top = pathlib.Path(os.environ['MESON_DIST_ROOT'])
subprocess.run([sys.executable, top / 'src/single_header.py', top / 'condvar_single.h', sys.argv[1], top / 'LICENSE'],
               check=True)
