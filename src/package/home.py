# SPDX-License-Identifier: MIT
"""The project's page, for the manifests. release.py refuses example.org."""
HOME = 'https://example.org/libcondvar'
