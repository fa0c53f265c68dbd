// Style and script of the page of posy bench --html. Without the script the page has the same numbers.
#pragma once

namespace posy {

constexpr const char* kBenchStyle = R"css(
:root {
  --page: #fcfcfa; --ink: #1c1e21; --soft: #5b6068; --line: #e0e0da; --roof: #3a3f47; --tip: #1c1e21; --tip-ink: #fcfcfa;
  --k0: #1f6feb; --k1: #d9480f; --k2: #2b8a3e; --k3: #9c36b5; --k4: #c2255c; --k5: #0b7285; --k6: #8a6100; --k7: #5c677d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --ink: #e9e9e4; --soft: #a5abb5; --line: #33373e; --roof: #c9ced6; --tip: #e9e9e4; --tip-ink: #16181c;
    --k0: #6ea8fe; --k1: #ff922b; --k2: #69db7c; --k3: #da77f2; --k4: #ff85a8; --k5: #3bc9db; --k6: #ffd43b; --k7: #adb5bd;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 28px 0 8px; }
small { color: var(--soft); font-size: 12.5px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 10px 20px; margin: 0; }
dl div:nth-last-child(-n + 1), dl div.wide { grid-column: 1 / -1; }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 0; overflow-wrap: anywhere; }
dl div:last-child dd { font-family: ui-monospace, monospace; font-size: 13px; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 13px; max-width: 75ch; }
#roofline { display: block; width: 100%; max-width: 800px; height: auto; }
#roofline text { fill: var(--soft); font-size: 13px; }
#roofline .roof-name { pointer-events: none; fill: var(--roof); font-weight: 600; paint-order: stroke; stroke: var(--page); stroke-width: 4px; }
.grid { stroke: var(--line); stroke-width: 1; }
.roof { stroke: var(--roof); stroke-width: 2; }
.mark { stroke: var(--page); stroke-width: 1.2; fill-opacity: 0.88; }
.k0 { fill: var(--k0); background: var(--k0); } .k1 { fill: var(--k1); background: var(--k1); }
.k2 { fill: var(--k2); background: var(--k2); } .k3 { fill: var(--k3); background: var(--k3); }
.k4 { fill: var(--k4); background: var(--k4); } .k5 { fill: var(--k5); background: var(--k5); }
.k6 { fill: var(--k6); background: var(--k6); } .k7 { fill: var(--k7); background: var(--k7); }
.dot { outline: none; cursor: default; }
.dot:hover .mark, .dot:focus .mark, .dot.on .mark { stroke: var(--ink); stroke-width: 3; fill-opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 8px 0; padding: 0; }
.legend svg, th svg { vertical-align: -2px; flex: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; font-weight: 400; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th:nth-last-child(-n + 2):not(.number) { padding-left: 14px; }
thead th { color: var(--soft); font-size: 12.5px; white-space: nowrap; vertical-align: bottom; }
th.number, td.number { text-align: right; white-space: nowrap; }
thead button { all: unset; cursor: pointer; }
thead button:focus-visible, .scroll:focus-visible, select:focus-visible { outline: 2px solid var(--k0); outline-offset: 2px; }
tbody th { min-width: 270px; }
tbody th span { white-space: nowrap; }
td:not(.number):not(.bar) { padding-left: 14px; white-space: nowrap; }
tbody th small { display: block; overflow-wrap: break-word; padding-left: 20px; }
tbody tr.on { background: var(--line); }
td.bar { min-width: 150px; width: 26%; }
td.bar div { display: flex; align-items: center; gap: 8px; }
td.bar i { flex: 1; }
td.bar span { display: block; height: 10px; min-width: 1px; border-radius: 2px; }
td.bar b { font-weight: 400; min-width: 46px; text-align: right; }
#choices { display: flex; flex-wrap: wrap; gap: 8px 18px; }
select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: 4px; padding: 2px 6px; }
#tip { position: absolute; max-width: 300px; padding: 7px 10px; border-radius: 6px; background: var(--tip); color: var(--tip-ink);
  font-size: 13px; white-space: pre-line; overflow-wrap: anywhere; pointer-events: none; }
[hidden] { display: none !important; }
@media (max-width: 600px) {
  #roofline text { font-size: 21px; }
  #roofline .mark { transform-box: fill-box; transform-origin: center; transform: scale(1.6); }
  tbody th { min-width: 170px; }
  dl { grid-template-columns: 1fr 1fr; }
}
@media print { .scroll { overflow: visible; } }
)css";

constexpr const char* kBenchScript = R"js(
(function () {
  'use strict';
  var tip = document.getElementById('tip');
  var dots = Array.from(document.querySelectorAll('.dot'));
  var rows = Array.from(document.querySelectorAll('tbody tr'));
  var rowOf = function (dot) { return document.getElementById(dot.id.replace('dot', 'row')); };
  var dotOf = function (row) { return document.getElementById(row.id.replace('row', 'dot')); };

  function show(dot) {
    tip.textContent = dot.getAttribute('aria-label');
    tip.hidden = false;
    var mark = dot.getBoundingClientRect();
    var left = mark.left + mark.width / 2 - tip.offsetWidth / 2;
    left = Math.max(8, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8));
    var top = mark.top - tip.offsetHeight - 8;
    if (top < 8) top = mark.bottom + 8;
    tip.style.left = left + window.scrollX + 'px';
    tip.style.top = top + window.scrollY + 'px';
    rowOf(dot).classList.add('on');
  }
  function hide(dot) {
    tip.hidden = true;
    rowOf(dot).classList.remove('on');
  }

  // One stop of the tab key for all dots; arrow keys go from one to the next by operations per byte.
  function shown() {
    return dots.filter(function (dot) { return !dot.hasAttribute('hidden'); });
  }
  function place(dot) { return dot.getBoundingClientRect().left; }
  function move(from, step) {
    var all = shown().sort(function (a, b) { return place(a) - place(b); });
    var to = all[(all.indexOf(from) + step + all.length) % all.length];
    from.setAttribute('tabindex', '-1');
    to.setAttribute('tabindex', '0');
    to.focus();
  }
  dots.forEach(function (dot, i) {
    var title = dot.querySelector('title');
    if (title) title.remove();  // the browser's own tooltip would cover this one
    dot.setAttribute('tabindex', i ? '-1' : '0');
    dot.addEventListener('pointerenter', function () { show(dot); });
    dot.addEventListener('pointerleave', function () { hide(dot); });
    dot.addEventListener('focus', function () { show(dot); });
    dot.addEventListener('blur', function () { hide(dot); });
    dot.addEventListener('keydown', function (event) {
      var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); move(dot, step); }
      if (event.key === 'Escape') hide(dot);
    });
  });
  rows.forEach(function (row) {
    var dot = dotOf(row);
    if (!dot) return;
    row.addEventListener('pointerenter', function () { dot.classList.add('on'); });
    row.addEventListener('pointerleave', function () { dot.classList.remove('on'); });
  });

  // Of kernels: which instruction set and which weights to see.
  var choices = {};
  function choose() {
    document.querySelectorAll('[data-isa]').forEach(function (part) {
      var hide = Object.keys(choices).some(function (key) {
        var value = part.dataset[key];
        return choices[key] && value && value !== choices[key];
      });
      part.toggleAttribute('hidden', hide);
    });
    shown().forEach(function (dot, i) { dot.setAttribute('tabindex', i ? '-1' : '0'); });
  }
  function offer(key, name, first) {
    var values = [];
    rows.forEach(function (row) {
      var value = row.dataset[key];
      if (value && values.indexOf(value) < 0) values.push(value);
    });
    if (values.length < 2) return;
    var label = document.createElement('label'), select = document.createElement('select');
    label.append(name + ' ', select);
    values.concat('').forEach(function (value) { select.add(new Option(value || 'all', value)); });
    select.value = choices[key] = first ? values[0] : '';
    select.addEventListener('change', function () { choices[key] = select.value; choose(); });
    document.getElementById('choices').appendChild(label);
  }
  if (document.body.classList.contains('kernels')) {
    offer('isa', 'instruction set', true);
    offer('weights', 'weights', true);
    choose();
  }
})();
)js";

}  // namespace posy
