# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the page looks: on a screen, in the dark, on a phone and on paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --sheet: #fff; --ink: #1c2430; --soft: #5b6675; --line: #dfe3e9; --faint: #eef0f4;
  --link: #1d5fa8; --bad: #b3261e; --bad-ground: #fbe9e7; --warn: #8a5a00; --warn-ground: #fdf1d8;
  --lost: #5f4b8b; --lost-ground: #efeaf8; --good: #22703a; --good-ground: #e4f3e8; --calm: #4b5868;
  --calm-ground: #e9edf2; --bar-bad: #d6453b; --bar-warn: #d99a1c; --bar-lost: #8b74bd; --bar-good: #4a9d63;
  --bar-calm: #9aa7b6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --sheet: #1a2028; --ink: #e4e9f0; --soft: #98a4b3; --line: #2e3742; --faint: #242c36;
    --link: #84b7f2; --bad: #ff9d94; --bad-ground: #43201e; --warn: #f2c25b; --warn-ground: #3d2f10;
    --lost: #c3b0ee; --lost-ground: #2f2744; --good: #86d39b; --good-ground: #1b3625; --calm: #b4c0ce;
    --calm-ground: #2a333f; --bar-bad: #e5645a; --bar-warn: #d7a23a; --bar-lost: #9d88cf; --bar-good: #4f9f68;
    --bar-calm: #66748a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 2px; overflow-wrap: anywhere; }
.when { color: var(--soft); margin: 0 0 20px; }
.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 16px;
  padding: 0;
}
.tiles li {
  list-style: none; background: var(--sheet); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 14px; min-width: 0;
}
.tiles b { display: block; font-size: 24px; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: 13px; }
.tiles small {
  display: block; color: var(--soft); font-size: 13px; overflow-wrap: anywhere;
}
.tiles .alarm b { color: var(--bad); }
.share { display: block; width: 100%; height: 10px; border-radius: 5px; margin: 0 0 8px; background: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 24px; padding: 0; font-size: 14px; }
.legend li { list-style: none; }
.legend svg { width: 10px; height: 10px; margin-right: 6px; }
.tools { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: center; margin: 0 0 10px; }
.tools input {
  font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--line); border-radius: 6px;
  padding: 6px 10px; width: 260px; max-width: 100%;
}
.tools output { color: var(--soft); font-size: 14px; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
.hosts { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.hosts thead th {
  font-size: 13px; font-weight: 600; color: var(--soft); text-align: left; white-space: nowrap;
  padding: 10px 9px; min-width: 0; vertical-align: bottom;
  border-bottom: 1px solid var(--line);
}
.hosts thead button { all: unset; cursor: pointer; position: relative; padding-right: 13px; }
.hosts thead .n button { padding: 0 0 0 13px; }
.hosts thead button::after { content: ""; position: absolute; right: 0; }
.hosts thead .n button::after { right: auto; left: 0; }
.hosts thead [aria-sort="ascending"] button::after { content: "\\25B4"; }
.hosts thead [aria-sort="descending"] button::after { content: "\\25BE"; }
.hosts thead [aria-sort]:not([aria-sort="none"]) { color: var(--ink); }
.hosts > tbody { border-bottom: 1px solid var(--line); }
.hosts > tbody:last-child { border-bottom: 0; }
.host > * { padding: 10px 9px 2px; vertical-align: top; text-align: left; font-weight: 400; min-width: 0; }
.host > th { font-weight: 600; overflow-wrap: anywhere; }
.host > .n, .hosts thead .n { text-align: right; white-space: nowrap; }
.more > td { padding: 0 9px 10px; white-space: normal; }
.none { color: var(--soft); }
.of { color: var(--soft); font-size: 13px; }
.badge {
  display: inline-block; border-radius: 4px; padding: 1px 8px; font-size: 13px; font-weight: 600;
  white-space: nowrap;
}
.bad .badge { color: var(--bad); background: var(--bad-ground); }
.warn .badge { color: var(--warn); background: var(--warn-ground); }
.lost .badge { color: var(--lost); background: var(--lost-ground); }
.good .badge { color: var(--good); background: var(--good-ground); }
.calm .badge { color: var(--calm); background: var(--calm-ground); }
.bar {
  display: block; width: 100px; height: 6px; border-radius: 3px; background: var(--faint);
  margin: 4px 0 0 auto;
}
.bad { fill: var(--bar-bad); } .warn { fill: var(--bar-warn); } .lost { fill: var(--bar-lost); }
.good { fill: var(--bar-good); } .calm { fill: var(--bar-calm); }
.spark { display: block; margin-top: 1px; width: 96px; height: 26px; overflow: visible; }
.spark path { fill: none; stroke: var(--link); stroke-width: 1.75; vector-effect: non-scaling-stroke; }
.spark .then { stroke-dasharray: 3 3; }
.spark .top { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 3; }
details summary { cursor: pointer; color: var(--soft); overflow-wrap: anywhere; }
details[open] summary { color: var(--ink); margin-bottom: 8px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.told {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 4px 28px;
  padding: 0 0 6px 16px;
}
.told section { min-width: 0; overflow-x: auto; }
.told h3 { font-size: 13px; color: var(--soft); margin: 8px 0 2px; font-weight: 600; }
.told ul { margin: 0; padding-left: 18px; }
.told li, .told p { overflow-wrap: anywhere; margin: 0 0 3px; }
.told p { white-space: pre-wrap; }
.told code {
  font: 13px ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--faint);
  border-radius: 3px; padding: 1px 4px;
}
.told table { border-collapse: collapse; font-size: 14px; width: 100%; }
.told td, .told th { padding: 2px 14px 2px 0; font-weight: 400; text-align: left; vertical-align: top; }
.told td { overflow-wrap: break-word; }
.told th { color: var(--soft); font-size: 13px; }
.told .n { text-align: right; white-space: nowrap; }
.told .wide { grid-column: 1 / -1; }
footer { color: var(--soft); font-size: 13px; margin-top: 20px; }
[hidden] { display: none !important; }
/* Not laid out as a table, so that of thousands of hosts only those in sight cost something. */
@media screen {
  .hosts { --columns: minmax(200px, 2fr) 130px 120px minmax(170px, 1fr) minmax(90px, 0.6fr) 80px; }
  .hosts.timed { --columns: minmax(190px, 1fr) 116px 118px 164px 112px 100px 110px 88px 72px; }
  .hosts, .hosts > thead, .hosts > tbody, .more, .more > td { display: block; }
  .hosts > thead > tr, .host { display: grid; grid-template-columns: var(--columns); }
  .hosts > tbody { content-visibility: auto; contain-intrinsic-size: auto 68px; }
}
@media screen and (max-width: 1100px) {
  .hosts > thead > tr { display: flex; flex-wrap: wrap; padding: 4px 8px; border-bottom: 1px solid var(--line); }
  .hosts thead th { border: 0; padding: 6px 8px; }
  .hosts > tbody { padding: 10px 12px; }
  .host { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 4px 20px; }
  .host > *, .more > td { padding: 0; }
  .host > th { grid-column: 1 / -1; grid-row: 1; }
  .host > .n { text-align: left; display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 10px; }
  .host > td::before { content: attr(data-label); color: var(--soft); font-size: 13px; }
  .host > .verdict::before { content: none; }
  .host > .verdict { grid-column: 1 / -1; }
  .host > .none { display: none; }
  .host > .trend:not(.none) { display: flex; justify-content: space-between; gap: 10px; }
  .bar { width: 100%; }
  .more details { margin-top: 8px; }
  .told { padding-left: 0; }
}
@media (max-width: 520px) {
  main { padding: 18px 12px 32px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tiles b { font-size: 20px; }
  .tools input { width: 100%; }
  .told .range { display: none; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --sheet: #fff; --ink: #000; --soft: #444; --line: #bbb; --faint: #e6e6e6; --link: #000;
    --bad: #8f1d16; --bad-ground: #fff; --warn: #6b4600; --warn-ground: #fff; --lost: #46346f; --lost-ground: #fff;
    --good: #1a5a2d; --good-ground: #fff; --calm: #333; --calm-ground: #fff;
  }
  @page { margin: 14mm; }
  body { font-size: 9pt; }
  main { max-width: none; padding: 0; }
  .tools { display: none; }
  .sheet { border: 0; overflow: visible; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: 6px; }
  .tiles li { padding: 6px 8px; }
  .tiles b { font-size: 14pt; }
  .hosts thead th { padding: 4px; }
  .host > * { padding: 4px 4px 1px; }
  .host > th { min-width: 130px; }
  .told table, .told h3, .told th, .told code, .of, .badge { font-size: 8pt; }
  .hosts > thead th, .tiles span, .tiles small { font-size: 8pt; }
  .badge { padding: 0 4px; }
  .legend { font-size: 8.5pt; }
  .told .range { display: none; }
  .trend { display: none; }
  .bar { width: 64px; }
  .told { grid-template-columns: 1fr 1fr; }
  .badge { border: 1px solid currentColor; }
  .host { break-after: avoid; }
  .hosts tr, .tiles li { break-inside: avoid; }
  .bar, .share, .bad, .warn, .lost, .good, .calm { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .look details::details-content { content-visibility: visible; block-size: auto; opacity: 1; }
  a { color: inherit; text-decoration: none; }
}
"""
