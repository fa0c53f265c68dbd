// The panel beside the pictures of the page of posy show, the search, and the start.
#pragma once

namespace posy {

constexpr const char* kGraphPanelScript = R"js(
'use strict';
const panel = document.getElementById('panel');
const FEW = 10;

// ---- Parts of the panel ----

function facts(rows) {
  return element('dl', {}, rows.map(function (row) {
    return element('div', {}, [element('dt', { text: row[0] }), element('dd', {}, [row[1] instanceof Node ? row[1] : breakable(row[1])])]);
  }));
}

// Lines may break behind the slashes of a long name.
function breakable(text) {
  const all = document.createDocumentFragment();
  String(text).split('/').forEach(function (part, i) {
    if (i) all.append('/', document.createElement('wbr'));
    all.append(part);
  });
  return all;
}

function nodeButton(side, id) {
  const node = side.nodes[id];
  const button = element('button', { type: 'button', class: 'go' + (node.d ? ' dropped' : ''), onclick: function () { go(side, id); } }, [
    element('b', { text: node.k }), element('span', {}, [breakable(node.n || '')])]);
  if (node.s) button.append(element('small', { text: shapeText(node.s) }));
  return button;
}

function list(title, side, ids) {
  if (!ids.length) return '';
  const ul = element('ul', { class: 'nodes' });
  const add = function (id) { ul.append(element('li', {}, [nodeButton(side, id)])); };
  ids.slice(0, FEW).forEach(add);
  if (ids.length > FEW) {
    const more = element('button', { type: 'button', class: 'more', text: 'all ' + ids.length, onclick: function () {
      more.parentNode.remove();
      ids.slice(FEW).forEach(add);
    } });
    ul.append(element('li', {}, [more]));
  }
  return element('section', {}, [element('h3', { text: title + ' (' + ids.length + ')' }), ul]);
}

function numberText(x) { return x === null ? '?' : String(Number(Number(x).toPrecision(4))); }

function histogram(h, title) {
  if (!h) return '';
  const most = Math.max.apply(null, h.bins), n = h.bins.length;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 ' + n * 6 + ' 72');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'histogram');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', title + ' from ' + numberText(h.low) + ' to ' + numberText(h.high));
  let bars = '';
  // Heights are square roots, so that tails can be seen.
  h.bins.forEach(function (count, i) {
    const height = count ? Math.max(1, 70 * Math.sqrt(count / most)) : 0;
    bars += '<rect x="' + (i * 6 + 0.5) + '" y="' + (72 - height) + '" width="5" height="' + height + '"><title>' + count + '</title></rect>';
  });
  const zero = h.low < 0 && h.high > 0 ? -h.low / (h.high - h.low) * n * 6 : -9;
  svg.innerHTML = bars + '<path class="zero" d="M' + zero + ',0V72"/>';
  return element('figure', {}, [svg, element('figcaption', {}, [
    element('span', { text: numberText(h.low) }), element('span', { text: h.n.toLocaleString('en') + ' numbers, mean ' + numberText(h.mean) + ', deviation ' + numberText(h.std) }), element('span', { text: numberText(h.high) })])]);
}

function share(value, all) { return all > 0 ? ' (' + (100 * value / all).toFixed(value / all < 0.1 ? 1 : 0) + '%)' : ''; }
function totalOf(side, key) {
  return side.nodes.reduce(function (sum, node) { return sum + (node[key] || 0); }, 0);
}

const FATES = { 1: 'not needed: it is not on the way from the input to the output', 2: 'not needed: it makes the random mask of a dropout, which is left out when a picture is labelled' };

// ---- What is chosen ----

function head(title, name) {
  return element('div', { class: 'head' }, [element('h2', { text: title }), element('p', { class: 'name' }, [breakable(name)]),
    element('button', { type: 'button', class: 'close', 'aria-label': 'Close', text: '\u00d7', onclick: function () { select(null, null); } })]);
}

function unique(ids) { return Array.from(new Set(ids)).sort(function (a, b) { return a - b; }); }

function nodePanel(side, id) {
  const node = side.nodes[id], rows = [];
  if (node.d) rows.push(['fate', FATES[node.d]]);
  if (node.s) rows.push(['output', shapeText(node.s) + (node.u ? ', 8-bit codes' : '')]);
  for (const f of node.f || []) rows.push(f);
  if (node.m) rows.push([side.id === 'model' && !node.b ? 'multiply-adds, or elements' : 'multiply-adds', macsText(node.m) + share(node.m, totalOf(side, 'm'))]);
  if (node.b) rows.push(['bytes of weights', node.b.toLocaleString('en') + share(node.b, totalOf(side, 'b'))]);
  if (node.t !== undefined) rows.push(['time', msText(node.t) + share(node.t, totalOf(side, 't'))]);
  if (node.v) {
    rows.push(['holds', node.v.t + ' ' + node.v.s], ['bytes', node.v.b.toLocaleString('en')]);
    if (node.v.e) rows.push(['values', node.v.e]);
  }
  const parts = [head(node.k, node.n || ''), facts(rows)];
  parts.push(histogram(node.h || (node.v && node.v.h), 'weights'));
  if (node.k !== 'Const') parts.push.apply(parts, constantsPanel(side, id));
  parts.push(linksPanel(side, [id]));
  const data = (node.i || []).filter(function (from) { return !side.isParameter[from] || side.isParameter[id]; });
  parts.push(list('Inputs', side, data), list('Only to be run before', side, node.c || []), list('Used by', side, unique(side.uses[id])));
  const others = (node.x || []).filter(function (name) { return name !== node.n; });
  if (others.length) parts.push(element('section', {}, [element('h3', { text: 'Also the output of' }), element('ul', { class: 'plain' }, others.map(function (name) { return element('li', {}, [breakable(name)]); }))]));
  if (node.a) parts.push(element('details', {}, [element('summary', { text: 'Attributes (' + node.a.length + ')' }), facts(node.a)]));
  return parts;
}

function constantsPanel(side, id) {
  const ids = side.parametersOf(id);
  if (!ids.length) return [];
  const large = ids.slice().sort(function (a, b) { return side.bytes[b] - side.bytes[a]; });
  const parts = [];
  for (const p of large.slice(0, 2)) if (side.nodes[p].v.h) parts.push(element('p', { class: 'over' }, [breakable(side.nodes[p].n + ', ' + side.nodes[p].v.t + ' ' + side.nodes[p].v.s)]), histogram(side.nodes[p].v.h, 'weights'));
  parts.push(list('Constants', side, large));
  return parts;
}

// Of what it was made, or what it has become.
function linkedOf(side, ids) {
  const other = otherOf(side);
  if (!other) return null;
  return { side: other, ids: side.id === 'model' ? unique(ids.flatMap(function (id) { return side.nodes[id].o || []; })) : unique(ids.flatMap(function (id) { return ownersOf[id] || []; })) };
}

function linksPanel(side, ids) {
  const linked = linkedOf(side, ids);
  if (!linked || !linked.ids.length) return linked && side.id === 'model' && ids.length === 1 && side.nodes[ids[0]].k !== 'input' ? element('p', { class: 'soft', text: 'No node of the graph: conversion added it.' }) : '';
  const rank = function (id) { return linked.side.isParameter[id] ? 1 : 0; };
  linked.ids.sort(function (a, b) { return rank(a) - rank(b) || a - b; });
  return list(side.id === 'model' ? 'Made from' : 'Went into', linked.side, linked.ids);
}

function clusterPanel(side, item) {
  const sum = side.sumsOf(item), rows = [[side.id === 'model' ? 'ops' : 'nodes', item.count]];
  if (sum.macs) rows.push(['multiply-adds', macsText(sum.macs) + share(sum.macs, totalOf(side, 'm'))]);
  if (sum.bytes) rows.push([side.id === 'model' ? 'bytes of weights' : 'bytes of constants', sum.bytes.toLocaleString('en')]);
  if (sum.ms !== null) rows.push(['time', msText(sum.ms) + share(sum.ms, totalOf(side, 't'))]);
  const kinds = new Map();
  for (const id of item.leaves) kinds.set(side.nodes[id].k, (kinds.get(side.nodes[id].k) || 0) + 1);
  rows.push(['of these', Array.from(kinds.entries()).sort(function (a, b) { return b[1] - a[1]; }).slice(0, 8).map(function (k) { return k[1] + ' ' + k[0]; }).join(', ')]);
  return [head(item.label, item.path.replace(/\*$/, '\u2026')), facts(rows),
    element('p', {}, [element('button', { type: 'button', class: 'wide', text: item.open ? 'Collapse' : 'Expand', onclick: function () { side.toggle(item); refresh(); } })]),
    linksPanel(side, item.leaves), list(side.id === 'model' ? 'Ops' : 'Nodes', side, item.leaves)];
}

function overview() {
  const parts = [element('div', { class: 'head' }, [element('h2', { text: 'About' }), element('button', { type: 'button', class: 'close', 'aria-label': 'Close', text: '\u00d7', onclick: function () { select(null, null); } })])];
  for (const side of sides) parts.push(element('h3', { text: side.name + ': ' + side.title }), facts(side.facts));
  const used = new Set(sides.flatMap(function (side) { return side.nodes.map(function (node) { return kindOf(node.k); }); }));
  if (!showing.unneeded && !document.getElementById('unneeded').parentNode.hidden) {
    parts.push(element('p', { class: 'soft', text: 'Nodes that are not needed are hidden: the box above shows them.' }));
  }
  parts.push(element('h3', { text: 'Kinds' }), element('ul', { class: 'legend' }, KINDS.map(function (name, k) {
    return used.has(k) ? element('li', {}, [element('i', { class: 'k' + k }), document.createTextNode(name)]) : '';
  }).filter(Boolean)));
  if (sides.length === 2) parts.push(element('p', { class: 'soft', text: 'Choose an op or a node: what it was made from, or what it has become, lights up on the other side.' }));
  parts.push(element('h3', { text: 'Keys' }), facts([['/', 'search'], ['arrows', 'along edges, and to the next beside'], ['Enter', 'open or close a cluster'], ['+ \u2212 0', 'larger, smaller, all'], ['Esc', 'choose nothing']]));
  return parts;
}

function refresh() {
  const side = sides.find(function (s) { return s.selected; });
  const item = side && side.selected;
  panel.replaceChildren.apply(panel, item ? item.children ? clusterPanel(side, item) : nodePanel(side, item.leaf) : overview());
  panel.scrollTop = 0;
  document.body.classList.toggle('chosen', !!item);
}

function select(side, item) {
  for (const each of sides) {
    each.selected = null;
    each.linked = null;
  }
  document.body.classList.remove('about');
  if (side && item && item !== side.root) {
    side.selected = item;
    const linked = linkedOf(side, item.leaves);
    if (linked) linked.side.linked = linked.ids;
  }
  for (const each of sides) each.mark();
  refresh();
  if (side && item && narrow.matches) side.show([side.boxOf(item)]);
  const other = side && item && otherOf(side);
  if (other && other.drawnLinked.size) other.show(Array.from(other.drawnLinked));
}

// To a node wherever it is.
function go(side, id) {
  activate(side);
  const item = side.reveal(id);
  select(side, item);
  side.show([item]);
}

function otherOf(side) { return sides.find(function (s) { return s !== side; }); }

// ---- Search ----

const search = document.getElementById('search'), hits = document.getElementById('hits');
let found = [], active = -1;

function rank(name, op, words) {
  const lower = name.toLowerCase(), all = lower + ' ' + op.toLowerCase();
  if (!words.every(function (word) { return all.includes(word); })) return -1;
  const last = lower.slice(lower.lastIndexOf('/') + 1);
  return (lower === words[0] ? 0 : last === words[0] ? 1 : last.startsWith(words[0]) ? 2 : lower.includes(words[0]) ? 3 : 4) * 1000 + name.length;
}

function find() {
  const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  found = [];
  if (words.length) {
    for (const side of sides) for (const node of side.nodes) {
      const at = rank(node.n || '', node.k, words);
      if (at >= 0) found.push({ side: side, id: node.id, at: at });
    }
  }
  const count = found.length;
  found.sort(function (a, b) { return a.at - b.at || a.id - b.id; });
  found = found.slice(0, 50);
  active = found.length ? 0 : -1;
  hits.replaceChildren.apply(hits, found.map(function (hit, i) {
    const node = hit.side.nodes[hit.id];
    return element('li', { role: 'option', id: 'hit' + i, 'aria-selected': i === active, class: node.d ? 'dropped' : null, onpointerdown: function (event) { event.preventDefault(); }, onclick: function () { take(i); } }, [
      element('b', { text: node.k }), element('span', {}, [breakable(node.n || '')]), sides.length > 1 ? element('small', { text: hit.side.name }) : '']);
  }).concat(words.length ? [element('li', { class: 'count', text: count ? (count === 1 ? '1 match' : count.toLocaleString('en') + ' matches') + (count > found.length ? ', the first ' + found.length : '') : 'Nothing has this name' })] : []));
  openHits(words.length > 0);
}

function openHits(open) {
  hits.hidden = !open;
  search.setAttribute('aria-expanded', open);
  search.setAttribute('aria-activedescendant', open && active >= 0 ? 'hit' + active : '');
}

function point(to) {
  if (!found.length) return;
  active = (to + found.length) % found.length;
  found.forEach(function (hit, i) { hits.children[i].setAttribute('aria-selected', i === active); });
  hits.children[active].scrollIntoView({ block: 'nearest' });
  openHits(true);
}

function take(i) {
  const hit = found[i];
  if (!hit) return;
  openHits(false);
  go(hit.side, hit.id);
  hit.side.focus(hit.side.selected);
}

search.addEventListener('input', find);
search.addEventListener('focus', function () { if (search.value) find(); });
search.addEventListener('blur', function () { openHits(false); });
search.addEventListener('keydown', function (event) {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    point(active + (event.key === 'ArrowDown' ? 1 : -1));
  }
  if (event.key === 'Enter') take(active);
  if (event.key === 'Escape') {
    event.stopPropagation();
    search.value = '';
    find();
    search.blur();
  }
});
document.addEventListener('keydown', function (event) {
  if (event.key === '/' && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === 'Escape') {
    const side = sides.find(function (s) { return s.selected; }), item = side && side.selected;
    select(null, null);
    if (item) side.focus(item);
  }
});

// ---- Start ----

// What is drawn besides the nodes that data goes through.
const showing = { constants: false, unneeded: true };
const colour = document.getElementById('colour');
const sides = [];
const ownersOf = [];
let activeSide = null;

// Where there is room for one picture only.
function activate(side) {
  activeSide = side;
  for (const each of sides) {
    const isActive = each === side;
    each.pane.classList.toggle('active', isActive);
    each.tab.setAttribute('aria-selected', isActive);
    each.tab.setAttribute('tabindex', isActive ? '0' : '-1');
  }
  if (narrow.matches && side.svg.clientWidth && !side.hasBegun) side.begin();
  side.hasBegun = true;
}

function start() {
  document.querySelector('h1').textContent = DATA.title;
  const modes = [['kind', 'kind']];
  if (DATA.times) modes.push(['time', 'time']);
  modes.push(['bytes', 'bytes of weights'], ['work', 'multiply-adds']);
  for (const mode of modes) colour.add(new Option(mode[1], mode[0]));
  const tabs = document.getElementById('tabs'), panes = document.getElementById('panes');
  // What training left behind may be many times the rest.
  const dropped = DATA.graph ? DATA.graph.nodes.filter(function (node) { return node.d; }).length : 0;
  showing.unneeded = dropped > 0 && 2 * dropped <= DATA.graph.nodes.length;
  for (const [id, name] of [['graph', 'Graph'], ['model', 'Converted']]) {
    if (DATA[id]) sides.push(new Side(id, DATA[id], name));
  }
  const model = sides.find(function (side) { return side.id === 'model'; });
  if (model && sides.length === 2) model.nodes.forEach(function (node, m) {
    for (const id of node.o || []) (ownersOf[id] = ownersOf[id] || []).push(m);
  });
  for (const side of sides) {
    side.tab = element('button', { type: 'button', role: 'tab', 'aria-controls': 'pane-' + side.id, text: side.name, onclick: function () { activate(side); } });
    tabs.append(side.tab);
    panes.append(side.pane);
  }
  tabs.append(element('button', { type: 'button', class: 'about', text: 'About', onclick: function () {
    select(null, null);
    document.body.classList.add('about');
  } }));
  tabs.addEventListener('keydown', function (event) {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    const side = otherOf(activeSide);
    if (!side) return;
    activate(side);
    side.tab.focus();
  });
  document.body.classList.toggle('two', sides.length === 2);
  const note = document.getElementById('note');
  note.textContent = DATA.note;
  note.hidden = !DATA.note;
  offer('constants', sides.some(function (side) { return side.isParameter.some(Boolean); }));
  offer('unneeded', sides.some(function (side) { return side.nodes.some(function (node) { return node.d; }); }));
  colour.addEventListener('change', function () { for (const side of sides) side.colour(); });
  document.getElementById('open-all').addEventListener('click', function () { openAll(true); });
  document.getElementById('close-all').addEventListener('click', function () { openAll(false); });
  for (const side of sides) side.draw();
  activate(sides[sides.length - 1]);
  for (const side of sides) if (side.svg.clientWidth) side.begin();
  refresh();
}

function offer(what, isThere) {
  const box = document.getElementById(what);
  box.checked = showing[what];
  box.parentNode.hidden = !isThere;
  box.addEventListener('change', function () {
    showing[what] = box.checked;
    rebuild();
  });
}

// After a change of what is drawn.
function rebuild() {
  for (const what in showing) document.getElementById(what).checked = showing[what];
  for (const side of sides) {
    side.selected = side.linked = null;
    side.build();
    side.draw();
  }
  refresh();
}

function openAll(open) {
  select(null, null);
  for (const side of sides) side.setAll(open);
}

start();
)js";

}  // namespace posy
