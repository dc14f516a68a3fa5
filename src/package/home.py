# SPDX-License-Identifier: MIT
"""The project's page, for the manifests. Without a real one release.py refuses to work, and make.py warns."""
HOME = 'https://example.org/libcondvar'
IS_REAL = 'example.org' not in HOME
