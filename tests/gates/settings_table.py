# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/settings.md is the catalogue as a table. Without an argument: is it? With --write: make it so."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings.md"
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.netops.conntrack.plugins.module_utils import catalogue  # noqa: E402

HEAD = """# Settings

Every setting of every kernel generation, by the name that `conntrack_settings` takes. Raw sysctl keys are taken too.
This page is made from `plugins/module_utils/catalogue.py`; do not edit it.

Defaults are those of Linux itself, the newest last; "computed" ones depend on the memory of the host. A kernel may
take less than the range says. "Of the host" means that one value holds for all its containers.

| name | meaning | default | takes | scope | kernels | keys |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    notes = [f"- `{setting.name}`: {setting.note}" for setting in catalogue.SETTINGS if setting.note]
    rows = [f"| {' | '.join(cells(setting))} |" for setting in catalogue.SETTINGS]
    return HEAD + "\n".join(rows) + "\n\n## Notes\n\n" + "\n".join(notes) + "\n"


def cells(setting: catalogue.Setting) -> list[str]:
    return [
        f"`{setting.name}`",
        setting.meaning,
        default(setting),
        f"{setting.minimum} to {setting.maximum} ({setting.unit})" if setting.writable else "read-only",
        "of the host" if setting.scope == "host" else "each namespace" + since(setting.netns_since),
        span(setting),
        "<br>".join(f"`{key}`" for key in setting.keys),
    ]


def default(setting: catalogue.Setting) -> str:
    if not setting.defaults:
        return "computed" if setting.unit in ("entries", "buckets") and setting.writable else "–"
    rows = [row for row in setting.defaults if row.vendor is None] or list(setting.defaults)
    changes = [row for index, row in enumerate(rows) if not index or row.value != rows[index - 1].value]
    return ", ".join(str(row.value) + since(row.since) for row in changes)


def since(version: str | None) -> str:
    return f" since {version}" if version else ""


def span(setting: catalogue.Setting) -> str:
    ends = f"before {setting.until}" if setting.until else ""
    return ", ".join(part for part in (f"from {setting.since}" if setting.since else "", ends) if part) or "all"


def main() -> int:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == page():
        return 0
    print("docs/settings.md is not what the catalogue says: run python tests/gates/settings_table.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
