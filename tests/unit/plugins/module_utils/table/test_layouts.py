# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many messages at once come to the same as one by one, whatever order and make-up they have."""

from __future__ import annotations

import collections
import contextlib
import struct

from ansible_collections.netops.conntrack.plugins.module_utils.formats import ctnetlink, netlink
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.layouts import Sorter
from hypothesis import given, settings
from hypothesis import strategies as st

attribute, nested = netlink.attribute, netlink.nested


def number(kind, value, size):
    return attribute(kind, value.to_bytes(size, "big"))


def side(kind, protocol, source, destination, ports):
    first = 1 if len(source) == 4 else 3
    ends = b"".join(number(2 + place, port, 2) for place, port in enumerate(ports))
    addresses = nested(1, attribute(first, source), attribute(first + 1, destination))
    return nested(kind, addresses, nested(2, number(1, protocol, 1), ends))


def message(protocol=17, source=b"\n\0\0\1", destination=b"\n\0\0\2", ports=(1, 2), flags=2, **rest):
    """One entry's; an attribute that is None is left out."""
    body = side(1, protocol, source, destination, ports) + side(2, protocol, destination, source, ports[::-1])
    body += number(3, rest.get("status", 0xE), 4)
    if rest.get("left", 30) is not None:
        body += number(7, rest.get("left", 30), 4)
    if rest.get("state") is not None:
        tcp = [number(1, rest["state"], 1), attribute(4, bytes([rest.get("flags_there", 0), 0]))]
        body += nested(4, nested(1, *tcp, attribute(5, bytes([rest.get("flags_back", 0), 0]))))
    if rest.get("mark") is not None:
        body += number(8, rest["mark"], 4)
    if rest.get("zone") is not None:
        body += number(18, rest["zone"], 2)
    if rest.get("helper") is not None:
        body += nested(5, attribute(1, rest["helper"] + b"\0"))
    family = struct.pack("=BBH", 2 if len(source) == 4 else 10, 0, 0)
    return netlink.message(0x100, flags, 1, family + body)


DONE = netlink.message(netlink.DONE, 2, 1, struct.pack("=i", 0))

addresses = st.one_of(
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)),
    st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16)),
)
byte = st.integers(0, 255)
messages = st.builds(
    lambda ends, kind, **rest: message(source=ends[0], destination=ends[1], protocol=kind[0], state=kind[1], **rest),
    addresses,
    st.sampled_from([(6, None), *((6, state) for state in range(10)), (17, None), (47, None), (50, None), (136, None)]),
    ports=st.one_of(st.just(()), st.tuples(st.integers(0, 65535), st.integers(0, 65535))),
    status=st.integers(0, 0xFFFF),
    left=st.one_of(st.none(), st.integers(0, 1 << 31)),
    flags_there=byte,
    flags_back=byte,
    # As long as a mark, and something else.
    mark=st.one_of(st.none(), st.integers(0, 1 << 31)),
    zone=st.one_of(st.none(), st.integers(1, 65535)),
    helper=st.sampled_from([None, b"ftp", b"sip", b"amanda"]),
)


def read(datagrams, columns=COLUMNS, most=1 << 40):
    """The batches, and the sorter when it is done."""
    sorter = Sorter(columns)
    found, taken = [], 0
    for data in datagrams:
        taken += sorter.add(data, most - taken)
        found += sorter.batches()
    found += sorter.batches(all_of_them=True)
    assert sum(batch.size for batch in found) + sorter.malformed == taken
    return found, sorter


def rows(found):
    """Each entry as a dict, counted; the order is nobody's business."""
    counted = collections.Counter()
    for batch in found:
        names = sorted(batch.columns)
        for values in zip(*(batch.columns[name] for name in names)):
            counted[batch.family, batch.protocol, tuple(zip(names, values))] += 1
    return counted


def one_by_one(each, columns=COLUMNS):
    entries = [ctnetlink.entry(data, found) for data in each for found in netlink.messages(data)]
    return rows(batches(entries, columns))


@settings(max_examples=150)
@given(st.lists(messages, max_size=60), st.integers(1, 20))
def test_together_as_one_by_one(each, at_a_time):
    datagrams = [b"".join(each[place : place + at_a_time]) for place in range(0, len(each), at_a_time)]
    found, sorter = read([*datagrams, DONE])
    assert rows(found) == one_by_one(each)
    assert sorter.errno == 0 and sorter.malformed == 0


def test_thousands_of_two_kinds_that_are_as_long():
    """One of them has a mark where the other one has a zone."""
    marked = [message(mark=number, left=number) for number in range(3000)]
    zoned = [message(zone=number % 9 + 1, left=number) for number in range(3000)]
    assert len(marked[0]) == len(zoned[0])
    mixed = [each for pair in zip(marked, zoned) for each in pair]
    found, _sorter = read([b"".join(mixed[place : place + 100]) for place in range(0, len(mixed), 100)])
    assert rows(found) == one_by_one(mixed)


def test_only_the_columns_asked_for():
    found, _sorter = read([message(6, state=3, mark=4) * 3], ("status", "source"))
    assert [batch.columns for batch in found] == [{"status": (0xE,) * 3, "source": (0x0A000001,) * 3}]


def test_flags_are_of_either_direction():
    found, _sorter = read([message(6, state=3, flags_there=0x10, flags_back=0x21)])
    assert list(found[0].columns["tcp_flags"]) == [0x31]


def test_no_more_than_asked_for():
    found, _sorter = read([message() * 7, message(6, state=3) * 7], most=9)
    assert sorted((batch.protocol, batch.size) for batch in found) == [(6, 2), (17, 7)]


def test_the_end_behind_entries_and_by_itself():
    for datagrams in ([message() * 3 + DONE], [message() * 3, DONE], [message() + message(6, state=1) * 2 + DONE]):
        found, sorter = read(datagrams)
        assert sum(batch.size for batch in found) == 3 and sorter.errno == 0


def test_an_error_instead_of_entries():
    refused = netlink.message(netlink.ERROR, 0, 1, struct.pack("=i", -1) + bytes(16))
    found, sorter = read([refused])
    assert found == [] and sorter.errno == 1


def test_a_filter_that_the_kernel_heeded():
    assert not read([message(), DONE])[1].filtered
    assert read([message(flags=2 | netlink.DUMP_FILTERED), DONE])[1].filtered


def test_what_is_no_entry_is_counted_and_left_out():
    without_tuples = netlink.message(0x100, 2, 1, struct.pack("=BBH", 2, 0, 0) + number(3, 1, 4) + bytes(24))
    found, sorter = read([message() + without_tuples + message()])
    assert sum(batch.size for batch in found) == 2 and sorter.malformed == 1


def test_more_kinds_than_layouts_are_kept_for():
    each = [message(helper=b"h" * length, mark=length) for length in range(1, 400)] * 2
    found, sorter = read([b"".join(each[place : place + 50]) for place in range(0, len(each), 50)])
    assert rows(found) == one_by_one(each) and sorter.malformed == 0


@settings(max_examples=150)
@given(st.lists(messages, min_size=1, max_size=5), st.data())
def test_bytes_that_are_no_dump_do_no_harm(each, data):
    whole = bytearray(b"".join(each) * 2)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(byte)
    del whole[data.draw(st.integers(0, len(whole))) :]
    with contextlib.suppress(netlink.Malformed):
        read([bytes(whole)])
