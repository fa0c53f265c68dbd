// Style and script of the page of posy eval --html. Without the script the page has the same numbers.
#pragma once

namespace posy {

constexpr const char* kEvalStyle = R"css(
:root {
  --page: #fcfcfa; --ink: #1c1e21; --soft: #5b6068; --line: #e0e0da; --right: 31, 111, 235; --wrong: 217, 72, 15; --bar: #1f6feb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --ink: #e9e9e4; --soft: #a5abb5; --line: #33373e; --right: 86, 148, 255; --wrong: 255, 130, 50; --bar: #6ea8fe;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 6px 0; max-width: 75ch; overflow-wrap: anywhere; }
p, small, figcaption { color: var(--soft); }
small, figcaption { font-size: 12.5px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px 16px; margin: 14px 0 0; }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 0; font-size: 20px; }
dd small { display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { font-weight: 400; text-align: left; }
#matrix table { border-spacing: 2px; border-collapse: separate; }
#matrix thead th { vertical-align: bottom; text-align: center; color: var(--soft); font-size: 12.5px; padding: 0 1px 2px; }
#matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 11em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#matrix.few thead span { writing-mode: horizontal-tb; transform: none; }
#matrix tbody th { position: sticky; left: 0; background: var(--page); text-align: right; padding: 0 8px 0 0; max-width: 14em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#matrix th.on { color: var(--ink); font-weight: 600; }
#matrix td { padding: 0; }
#matrix button { all: unset; box-sizing: border-box; display: block; min-width: 34px; width: 100%; padding: 6px 4px; text-align: center; border-radius: 3px; background: var(--line); cursor: default; }
#matrix.few button { min-width: 74px; padding: 12px 4px; }
#matrix button.r { background: rgba(var(--right), calc(0.06 + 0.5 * var(--p))); }
#matrix button.w { background: rgba(var(--wrong), calc(0.06 + 0.6 * var(--p))); cursor: pointer; }
#matrix button.z { background: none; color: var(--soft); }
#matrix button:hover, #matrix button.chosen { outline: 2px solid var(--ink); outline-offset: -2px; }
button:focus-visible, select:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--bar) !important; outline-offset: 1px; }
#cell-text { min-height: 1.5em; color: var(--ink); }
.table th, .table td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
.table { width: 100%; }
.table thead th { color: var(--soft); font-size: 12.5px; vertical-align: bottom; white-space: nowrap; }
.table .number { text-align: right; white-space: nowrap; }
.table thead button { all: unset; cursor: pointer; }
.table tbody th { overflow-wrap: break-word; min-width: 7em; }
.table td.share { min-width: 110px; width: 30%; }
.share span { display: block; height: 10px; border-radius: 2px; background: var(--bar); min-width: 1px; }
#confusions button { all: unset; cursor: pointer; text-decoration: underline; }
figure { margin: 0; }
#calibration svg { display: block; width: 100%; max-width: 520px; height: auto; }
#calibration text { fill: var(--soft); font-size: 12px; }
.axis { stroke: var(--line); } .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
.bin { fill: var(--bar); fill-opacity: 0.55; } .count { fill: var(--soft); fill-opacity: 0.45; }
.whisker { stroke: var(--ink); stroke-width: 1.5; } .at { fill: var(--ink); }
summary { cursor: pointer; color: var(--soft); margin: 8px 0; }
.choices label { max-width: 100%; display: flex; flex-wrap: wrap; gap: 2px 6px; align-items: center; min-width: 0; }
.choices { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin: 8px 0; }
select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: 4px; padding: 3px 6px; min-width: 0; max-width: 100%; }
.choices button { font: inherit; color: inherit; background: none; border: 1px solid var(--soft); border-radius: 4px; padding: 3px 10px; cursor: pointer; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(144px, 1fr)); gap: 16px 14px; list-style: none; margin: 10px 0; padding: 0; }
.photos li { min-width: 0; }
.photos img, .photos .none { display: block; width: 100%; height: 144px; object-fit: contain; object-position: left bottom; }
.photos b { font-weight: 600; } .photos div { line-height: 1.3; margin-top: 4px; overflow-wrap: anywhere; }
.photos small { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
ul.plain { padding-left: 18px; overflow-wrap: anywhere; }
[hidden] { display: none !important; }
@media (max-width: 600px) {
  #matrix.few button { min-width: 48px; padding: 10px 2px; }
  #matrix.few thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
  #matrix tbody th { max-width: 7.5em; }
  .table th, .table td { padding-right: 9px; }
  .table td.share, .table th.share { display: none; }
  dl { grid-template-columns: 1fr 1fr; }
  .photos { grid-template-columns: 1fr 1fr; }
  #calibration text { font-size: 15px; }
}
@media print { .scroll { overflow: visible; } }
)css";

constexpr const char* kEvalScript = R"js(
(function () {
  'use strict';
  var all = function (selector) { return Array.from(document.querySelectorAll(selector)); };
  var truth = document.getElementById('filter-truth'), predicted = document.getElementById('filter-predicted');
  var wrong = all('#wrong .photos li'), count = document.getElementById('wrong-count');

  // Which of the photos that were taken for another class to see.
  function filter() {
    var shown = 0;
    wrong.forEach(function (photo) {
      var hide = (truth.value && photo.dataset.truth !== truth.value) ||
        (predicted.value && photo.dataset.predicted !== predicted.value);
      photo.toggleAttribute('hidden', Boolean(hide));
      if (!hide) shown += 1;
    });
    count.textContent = shown === wrong.length ? count.dataset.all : shown + ' of the ' + wrong.length + ' photos on this page';
    all('#matrix button').forEach(function (cell) {
      var chosen = truth.value && cell.dataset.truth === truth.value && cell.dataset.predicted === predicted.value;
      cell.classList.toggle('chosen', Boolean(chosen));
    });
  }
  function choose(from) {
    if (!truth) return;
    truth.value = from.dataset.truth;
    predicted.value = from.dataset.predicted;
    filter();
    document.getElementById('wrong').scrollIntoView({ block: 'start' });
  }
  if (truth) {
    count.dataset.all = count.textContent;
    document.getElementById('wrong-choices').hidden = false;
    truth.addEventListener('change', filter);
    predicted.addEventListener('change', filter);
    document.getElementById('filter-none').addEventListener('click', function () {
      truth.value = predicted.value = '';
      filter();
    });
  }
  all('#confusions button').forEach(function (pair) {
    pair.addEventListener('click', function () { choose(pair); });
  });

  // The matrix: one stop of the tab key, arrow keys go from cell to cell.
  var cells = all('#matrix button'), text = document.getElementById('cell-text');
  var columns = all('#matrix thead th').slice(1), rows = all('#matrix tbody th');
  function mark(cell, on) {
    columns[Number(cell.dataset.column)].classList.toggle('on', on);
    rows[Number(cell.dataset.row)].classList.toggle('on', on);
    if (on) text.textContent = cell.getAttribute('aria-label');
  }
  cells.forEach(function (cell, i) {
    cell.removeAttribute('title');
    cell.tabIndex = i ? -1 : 0;
    cell.addEventListener('pointerenter', function () { mark(cell, true); });
    cell.addEventListener('pointerleave', function () { mark(cell, false); });
    cell.addEventListener('focus', function () { mark(cell, true); });
    cell.addEventListener('blur', function () { mark(cell, false); });
    cell.addEventListener('click', function () { if (cell.classList.contains('w')) choose(cell); });
    cell.addEventListener('keydown', function (event) {
      var step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns.length, ArrowUp: -columns.length }[event.key];
      if (!step) return;
      var sideways = Math.abs(step) === 1;
      var to = cells[i + step];
      event.preventDefault();
      if (!to || (sideways && to.dataset.row !== cell.dataset.row)) return;
      cell.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
  });
})();
)js";

}  // namespace posy
