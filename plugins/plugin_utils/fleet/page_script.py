# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page does beyond showing: it sorts and finds hosts. Without it, every host is there, the worst first."""

from __future__ import annotations

SCRIPT = """
(function () {
  "use strict";
  var table = document.querySelector("table.hosts");
  if (!table) { return; }
  var bodies = Array.prototype.slice.call(table.tBodies);
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  // What a host has in a column: a number, a text, or null where it is unknown.
  function value(body, column, numeric) {
    var told = body.rows[0].cells[column].getAttribute("data-v");
    return told === null || told === "" ? null : numeric ? Number(told) : told;
  }

  function sort(column, direction) {
    var numeric = heads[column].getAttribute("data-sort") === "n";
    var sign = direction === "ascending" ? 1 : -1;
    var keyed = bodies.map(function (body, place) { return [value(body, column, numeric), place, body]; });
    keyed.sort(function (a, b) {
      // Unknown is neither much nor little: it comes last either way.
      if (a[0] === null || b[0] === null) { return (a[0] === null) - (b[0] === null) || a[1] - b[1]; }
      return sign * (numeric ? a[0] - b[0] : names.compare(a[0], b[0])) || a[1] - b[1];
    });
    var sorted = document.createDocumentFragment();
    keyed.forEach(function (each) { sorted.appendChild(each[2]); });
    table.appendChild(sorted);
    heads.forEach(function (head, number) {
      if (head.hasAttribute("data-sort")) { head.setAttribute("aria-sort", number === column ? direction : "none"); }
    });
  }

  heads.forEach(function (head, column) {
    if (!head.hasAttribute("data-sort")) { return; }
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener("click", function () {
      var now = head.getAttribute("aria-sort");
      var first = head.getAttribute("data-first");
      var other = first === "ascending" ? "descending" : "ascending";
      sort(column, now === first ? other : first);
    });
  });

  var tools = document.querySelector(".tools");
  var field = tools.querySelector("input");
  var told = tools.querySelector("output");
  var texts = bodies.map(function (body) {
    return (body.rows[0].cells[0].textContent + " " + body.rows[0].cells[1].textContent).toLowerCase();
  });
  field.addEventListener("input", function () {
    var words = field.value.toLowerCase().split(/\\s+/);
    var shown = 0;
    bodies.forEach(function (body, number) {
      body.hidden = !words.every(function (word) { return texts[number].indexOf(word) >= 0; });
      shown += body.hidden ? 0 : 1;
    });
    told.textContent = shown === bodies.length ? "" : shown + " of " + bodies.length + " hosts";
  });
  tools.hidden = bodies.length < 2;

  // On paper nothing can be opened: what needs a look is open there.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(table.querySelectorAll(".look details:not([open])"));
    opened.forEach(function (each) { each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (each) { each.open = false; });
    opened = [];
  });
})();
"""
