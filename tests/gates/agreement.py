# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in several places is the same in each.

Compared are role defaults, role argument specs and the tables of the README. That a module's documentation
and its argument spec agree is a matter for ansible-test sanity. A README table counts by the head of
its first column, "module" or "variable". Where a column is headed "default", that is compared too.
Tests that pages name must be there.
"""

from __future__ import annotations

import pathlib
import re
import sys
from typing import Iterator

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
NONE = ("", "-", "–", "none")


def load(path: pathlib.Path) -> dict:
    return (yaml.safe_load(path.read_text("utf-8")) if path.exists() else None) or {}


def tables(markdown: str) -> Iterator[list[list[str]]]:
    """Each table as rows of cells; the first row is its head, the line of dashes is left out."""
    table: list[list[str]] = []
    for line in [*markdown.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            cells = line.strip().strip("|").replace("\\|", "\0").split("|")
            table.append([cell.replace("\0", "|").strip() for cell in cells])
        elif table:
            yield [row for row in table if any(cell.strip(":- ") for cell in row)]
            table = []


def readme_rows(markdown: str, head: str) -> dict[str, dict[str, str]]:
    """First cell, bare -> {head of column: cell}, over all tables whose first column is headed so."""
    rows = {}
    for table in tables(markdown):
        heads = [cell.strip("`* ").lower() for cell in table[0]]
        if heads[0].rstrip("s").endswith(head):
            for row in table[1:]:
                name = row[0].split("](")[0].strip("`*[ ")
                rows[name.rsplit(".", 1)[-1]] = dict(zip(heads, row))
    return rows


def options_of(role: pathlib.Path) -> dict[str, dict]:
    """The options of all entry points of a role."""
    found: dict[str, dict] = {}
    for entry in load(role / "meta" / "argument_specs.yml").get("argument_specs", {}).values():
        found.update(entry.get("options") or {})
    return found


def compare_role(role: pathlib.Path) -> Iterator[str]:
    options, defaults = options_of(role), load(role / "defaults" / "main.yml")
    where = f"roles/{role.name}"
    if not options:
        yield f"{where}: meta/argument_specs.yml describes no variable"
    for name in sorted(defaults.keys() - options.keys()):
        yield f"{where}: {name} is in defaults/main.yml, not in meta/argument_specs.yml"
    for name, option in sorted(options.items()):
        if not name.startswith(f"{role.name}_"):
            yield f"{where}: {name} does not start with {role.name}_"
        if option.get("required"):
            if name in defaults:
                yield f"{where}: {name} is required, and has a default in defaults/main.yml"
        elif name not in defaults:
            yield f"{where}: {name} is in meta/argument_specs.yml, not in defaults/main.yml"
        elif option.get("default") != defaults[name]:
            told, real = option.get("default"), defaults[name]
            yield f"{where}: default of {name}: {told!r} in meta/argument_specs.yml, {real!r} in defaults"


def compare_names(what: str, real: set[str], told: set[str]) -> Iterator[str]:
    for name in sorted(real - told):
        yield f"README.md: the {what} {name} is in no table"
    for name in sorted(told - real):
        yield f"README.md: there is no {what} {name}"


def compare_readme(markdown: str, modules: set[str], options: dict[str, dict]) -> Iterator[str]:
    yield from compare_names("module", modules, set(readme_rows(markdown, "module")))
    rows = readme_rows(markdown, "variable")
    yield from compare_names("variable", set(options), set(rows))
    for name, row in sorted(rows.items()):
        if name in options and "default" in row:
            cell, default = row["default"].strip("` "), options[name].get("default")
            told = None if cell in NONE else yaml.safe_load(cell)
            if told != default:
                yield f"README.md: default of {name}: {told!r}, and {default!r} in meta/argument_specs.yml"


def missing_tests(root: pathlib.Path, page: str) -> Iterator[str]:
    """Tests that a page names, as `path` or `path::function`, and that are not there."""
    for path, name in re.findall(r"`((?:tests|molecule)/[\w./-]+)(?:::(\w+))?`", (root / page).read_text("utf-8")):
        if not (root / path).exists():
            yield f"{page}: there is no {path}"
        elif name and f"\ndef {name}(" not in (root / path).read_text("utf-8"):
            yield f"{page}: {path} has no {name}"


def disagreements(root: pathlib.Path) -> Iterator[str]:
    modules = {path.stem for path in root.glob("plugins/modules/*.py") if not path.stem.startswith("_")}
    for action in sorted(root.glob("plugins/action/*.py")):
        if action.stem not in modules | {"__init__"}:
            yield f"plugins/action/{action.name}: no module has this name"
    options: dict[str, dict] = {}
    for role in sorted(path for path in root.glob("roles/*") if path.is_dir()):
        yield from compare_role(role)
        options.update(options_of(role))
    readme = root / "README.md"
    if readme.exists():
        yield from compare_readme(readme.read_text("utf-8"), modules, options)
    for page in ("docs/promises.md", "docs/security.md", "docs/architecture.md"):
        yield from missing_tests(root, page)


def main() -> int:
    found = list(disagreements(ROOT))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
