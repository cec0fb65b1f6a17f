# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a guest for as long as its input stays open: answers each line of JSON by one.

{"run": SCRIPT}                           runs a shell script; what it printed and its exit status
{"module": NAME, "arguments": {...}}      the result of a module of this collection
{"unload": CORE, "spared": [...]}         tries to unload a module and all that use it; the modules that remain loaded
{"unload_all_since": [...]}               the same with all modules but these

A module is run as Ansible runs it, but Python starts once and not for each of them: an emulated machine takes seconds
for that. Expects the collection and Ansible's module_utils below the folder that it stands in.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
# Network namespaces are taken down a moment after they were deleted.
PATIENCE_SECONDS = 5


def main() -> None:
    sys.path[:0] = [HERE]
    sys.dont_write_bytecode = True
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(request):
    if "run" in request:
        done = subprocess.run(
            ["bash", "-c", request["run"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        return {"code": done.returncode, "output": done.stdout}
    if "module" in request:
        return result_of(request["module"], request["arguments"])
    if "unload" in request:
        return unload(lambda modules: using(modules, request["unload"]) - set(request["spared"]))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        left = unload(lambda modules: set(modules) - set(request["unload_all_since"]))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def result_of(name, arguments):
    """In a process of its own: nothing that a run leaves in memory reaches the next one."""
    from ansible.module_utils.testing import patch_module_args

    module = importlib.import_module("ansible_collections.netops.conntrack.plugins.modules." + name)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.dup2(writer, 1)
        with patch_module_args(arguments):
            try:
                module.main()
            except SystemExit:
                pass
            except BaseException:
                print(json.dumps({"crashed": traceback.format_exc()}))
            sys.stdout.flush()
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as stream:
        printed = stream.read()
    os.waitpid(child, 0)
    return json.loads(printed)


def loaded():
    """The users of each module."""
    with open("/proc/modules", encoding="utf-8") as stream:
        rows = [line.split() for line in stream]
    return {row[0]: [user for user in row[3].split(",") if user not in ("", "-")] for row in rows}


def using(modules, core):
    """A module, with all that use it however indirectly."""
    found = {core} & set(modules)
    waiting = list(found)
    while waiting:
        more = set(modules[waiting.pop()]) - found
        found |= more
        waiting += more
    return found


def unload(chosen):
    """Again and again, until the kernel lets go of no other one; what remains of the chosen."""
    while True:
        left = chosen(loaded())
        gone = [
            name
            for name in left
            if not subprocess.run(["rmmod", name], stderr=subprocess.DEVNULL, check=False).returncode
        ]
        if not gone:
            return sorted(left)


if __name__ == "__main__":
    main()
