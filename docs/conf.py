# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes a site of this folder; tests/gates/site puts the reference of the plugins beside it first."""

project = "netops.conntrack"
copyright = "the netops.conntrack contributors"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "netops.conntrack"
# Labels of Ansible's own documentation, which is not here. The gate docs looks at those of ours.
suppress_warnings = ["ref.ref"]
