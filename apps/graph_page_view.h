// The pictures of the page of posy show: what they draw, and how they are moved and walked through.
#pragma once

namespace posy {

constexpr const char* kGraphViewScript = R"js(
'use strict';
const SVG = document.getElementById('icons').namespaceURI;
const DATA = JSON.parse(document.getElementById('data').textContent);
const calm = window.matchMedia('(prefers-reduced-motion: reduce)');
const narrow = window.matchMedia('(max-width: 760px)');

function element(tag, attributes, children) {
  const made = document.createElement(tag);
  for (const key in attributes || {}) {
    if (key === 'text') made.textContent = attributes[key];
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), attributes[key]);
    else if (attributes[key] !== null && attributes[key] !== undefined) made.setAttribute(key, attributes[key]);
  }
  for (const child of children || []) made.append(child);
  return made;
}

function safe(text) {
  return String(text).replace(/[&<>"]/g, function (c) { return { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }[c]; });
}

// ---- Words and numbers ----

function shapeText(shape) { return shape.join(' \u00d7 '); }
function bytesText(bytes) {
  if (bytes < 10000) return bytes + (bytes === 1 ? ' byte' : ' bytes');
  return bytes < 1e6 ? (bytes / 1e3).toFixed(bytes < 1e5 ? 1 : 0) + ' kB' : (bytes / 1e6).toFixed(2) + ' MB';
}
function countText(count, what) { return count.toLocaleString('en') + ' ' + what + (count === 1 ? '' : 's'); }
function msText(ms) { return ms === 0 ? '0 ms' : ms < 0.001 ? ms.toFixed(5) + ' ms' : ms < 0.1 ? ms.toFixed(4) + ' ms' : ms < 10 ? ms.toFixed(3) + ' ms' : ms.toFixed(1) + ' ms'; }
function macsText(macs) { return macs < 1e4 ? String(macs) : macs < 1e6 ? (macs / 1e3).toFixed(1) + ' thousand' : macs < 1e9 ? (macs / 1e6).toFixed(2) + ' million' : (macs / 1e9).toFixed(2) + ' billion'; }

const pen = document.createElement('canvas').getContext('2d');
const FAMILY = 'system-ui, sans-serif';
const TITLE = '600 13px ' + FAMILY, LINE = '11.5px ' + FAMILY;
const MOST_WIDTH = 284, LEAST_WIDTH = 84;
const TOP = 48;  // room for the caption
const widths = new Map();
function textWidth(text, font) {
  const key = font + text;
  let width = widths.get(key);
  if (width === undefined) {
    pen.font = font;
    widths.set(key, width = pen.measureText(text).width);
  }
  return width;
}
// Cut in the middle: both ends of a node's name tell it from others.
function fitted(text, font, room) {
  if (textWidth(text, font) <= room) return text;
  let low = 1, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const cut = text.slice(0, Math.ceil(middle / 2)) + '\u2026' + text.slice(text.length - Math.floor(middle / 2));
    if (textWidth(cut, font) <= room) low = middle; else high = middle - 1;
  }
  return text.slice(0, Math.ceil(low / 2)) + '\u2026' + (low > 1 ? text.slice(text.length - Math.floor(low / 2)) : '');
}

// ---- Kinds ----

const KINDS = ['convolution', 'depthwise', 'matrix product', 'pool', 'activation', 'arithmetic', 'shape', 'other', 'constant', 'input'];
function kindOf(op) {
  const name = op.toLowerCase();
  if (/^(placeholder|input|decode(jpeg|image|png))/.test(name)) return 9;
  if (/^(const|variable)/.test(name)) return 8;
  if (/depthwise/.test(name)) return 1;
  if (/conv|winograd/.test(name)) return 0;
  if (/matmul|batch_product|fullyconnected|fully_connected|dense/.test(name)) return 2;
  if (/pool|^mean|^reduce|^sum$|^max$/.test(name)) return 3;
  if (/relu|softmax|sigmoid|tanh|elu|swish|unary|logistic|softplus/.test(name)) return 4;
  if (/^(add|sub|mul|div|realdiv|rsqrt|sqrt|biasadd|maximum|minimum|binary|int8_binary|square|fusedbatchnorm|batchnorm|neg|pow|rsqrt|lrn|local_response)/.test(name)) return 5;
  if (/reshape|concat|pad|slice|squeeze|transpose|identity|flatten|expanddims|split|pack|copy|resize|cast|batchto|spaceto|checknumerics/.test(name)) return 6;
  return 7;
}

// ---- A side: one graph and its picture ----

class Side {
  constructor(id, data, name) {
    this.id = id;
    this.name = name;
    this.title = data.title;
    this.facts = data.facts;
    this.nodes = data.nodes;
    this.k = 1;
    this.x = this.y = 0;
    this.selected = null;
    this.uses = this.nodes.map(function () { return []; });
    this.nodes.forEach(function (node, i) {
      node.id = i;
      for (const from of node.i || []) this.uses[from].push(i);
    }, this);
    this.findParameters();
    this.build();
    this.makePane();
  }

  // What depends on constants alone: weights, and what is made from them.
  findParameters() {
    const known = new Array(this.nodes.length).fill(0);  // 1: is being looked at, 2: no, 3: yes
    for (const start of this.nodes) {
      const open = [start.id];
      while (open.length) {
        const at = open[open.length - 1], node = this.nodes[at], inputs = node.i || [];
        if (known[at] === 0) {
          known[at] = 1;
          for (const from of inputs) if (known[from] === 0) open.push(from);
          continue;
        }
        open.pop();
        if (known[at] !== 1) continue;
        known[at] = node.k === 'Const' || (kindOf(node.k) !== 9 && inputs.length && inputs.every(function (from) { return known[from] === 3; })) ? 3 : 2;
      }
    }
    this.isParameter = known.map(function (k) { return k === 3; });
    if (this.isParameter.every(Boolean)) this.isParameter.fill(false);
    this.bytes = this.nodes.map(function (node) {
      return node.b !== undefined ? node.b : node.k === 'Const' && node.v ? node.v.b : 0;
    });
  }

  // Constants that a node's value is made with.
  parametersOf(id) {
    const found = [], seen = new Set(), open = (this.nodes[id].i || []).slice().reverse();
    while (open.length) {
      const at = open.pop();
      if (seen.has(at) || !this.isParameter[at]) continue;
      seen.add(at);
      if (this.nodes[at].v) found.push(at);
      open.push.apply(open, (this.nodes[at].i || []).slice().reverse());
    }
    return found;
  }

  isShown(id) { return (showing.constants || !this.isParameter[id]) && (showing.unneeded || !this.nodes[id].d); }

  build() {
    // What was open stays open; clusters that are new are open where nothing of them was hidden.
    let before = null;
    if (this.root) {
      before = { paths: new Set(), hidden: new Set() };
      this.eachCluster(function (cluster) { if (cluster.open) before.paths.add(cluster.path); });
      for (const item of this.drawn) if (item.children && !item.open) for (const id of item.leaves) before.hidden.add(id);
    }
    const shown = this.nodes.filter(function (node) { return this.isShown(node.id); }, this).map(function (node) { return node.id; });
    const nodes = this.nodes;
    this.root = treeOf(shown, function (id) { return nodes[id].n || nodes[id].k; }, before);
    this.itemOf = new Array(this.nodes.length).fill(null);
    this.items = [];
    const walk = function (item) {
      this.items[item.id] = item;
      if (item.leaf !== undefined) this.itemOf[item.leaf] = item;
      item.leaves = item.children ? [] : [item.leaf];
      for (const child of item.children || []) {
        walk.call(this, child);
        for (const leaf of child.leaves) item.leaves.push(leaf);
      }
    };
    walk.call(this, this.root);
  }

  eachCluster(each) {
    const walk = function (item) {
      if (!item.children) return;
      each(item);
      item.children.forEach(walk);
    };
    walk(this.root);
  }

  // The box that stands for an item: itself, or the closed cluster around it.
  boxOf(item) {
    let box = item;
    for (let at = item; at; at = at.parent) if (at.children && !at.open) box = at;
    return box;
  }

  linesOf(item) {
    if (item.children) {
      const parts = [countText(item.count, this.id === 'model' ? 'op' : 'node')];
      const sum = this.sumsOf(item);
      const lines = [parts[0]];
      const more = [];
      if (sum.bytes) more.push(bytesText(sum.bytes));
      if (sum.ms !== null && sum.ms > 0) more.push(msText(sum.ms));
      if (more.length) lines.push(more.join(' \u00b7 '));
      return { title: item.label, lines: lines };
    }
    const node = this.nodes[item.leaf];
    const window = (node.f || []).filter(function (f) { return f[0] === 'window' || f[0] === 'then'; }).map(function (f) { return f[1]; });
    const lines = [item.label];
    const numbers = [];
    if (node.s) numbers.push(shapeText(node.s));
    else if (node.v) numbers.push(node.v.t + ' ' + node.v.s);
    if (node.t !== undefined) numbers.push(msText(node.t));
    if (numbers.length) lines.push(numbers.join(' \u00b7 '));
    return { title: [node.k].concat(window).join(' '), lines: lines };
  }

  sumsOf(item) {
    const sum = { bytes: 0, macs: 0, ms: null };
    const seen = new Set();
    for (const id of item.leaves) {
      const node = this.nodes[id];
      sum.macs += node.m || 0;
      if (node.t !== undefined) sum.ms = (sum.ms || 0) + node.t;
      if (node.b !== undefined) sum.bytes += node.b;
      else for (const p of node.v ? [id] : this.parametersOf(id)) {
        if (!seen.has(p)) sum.bytes += this.bytes[p];
        seen.add(p);
      }
    }
    return sum;
  }

  measure(item) {
    if (item.open) {
      item.labelWidth = item.parent ? Math.min(textWidth(item.label, TITLE), 300) + 40 : 0;
      item.children.forEach(this.measure, this);
      return;
    }
    const words = item.words || (item.words = this.linesOf(item));
    let width = textWidth(words.title, TITLE) + (item.children ? 34 : 0);
    for (const line of words.lines) width = Math.max(width, textWidth(line, LINE));
    item.w = Math.round(Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, width + 26)));
    item.h = 25 + 15 * words.lines.length;
    item.inOff = item.outOff = 0;
  }

  edges() {
    const found = new Map();
    for (const node of this.nodes) {
      const to = this.itemOf[node.id];
      if (!to) continue;
      for (const [list, isControl] of [[node.i, false], [node.c, true]]) {
        for (const id of list || []) {
          const from = this.itemOf[id];
          if (!from) continue;
          const a = this.boxOf(from), b = this.boxOf(to);
          if (a === b) continue;
          const key = a.id + ' ' + b.id, known = found.get(key);
          if (known) {
            known.count++;
            known.control = known.control && isControl;
          } else found.set(key, { from: a, to: b, count: 1, control: isControl });
        }
      }
    }
    return Array.from(found.values());
  }

  // ---- Drawing ----

  makePane() {
    const side = this;
    this.svg = document.createElementNS(SVG, 'svg');
    this.svg.setAttribute('role', 'group');
    this.svg.setAttribute('aria-label', this.name + ': ' + this.title);
    this.svg.innerHTML = '<defs><marker id="tip-' + this.id + '" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" markerUnits="userSpaceOnUse"><path class="tip" d="M0,0.5L8,4L0,7.5z"/></marker>' +
      '</defs><g class="all"></g>';
    this.all = this.svg.querySelector('.all');
    const button = function (text, label, act) {
      return element('button', { type: 'button', text: text, 'aria-label': label, title: label, onclick: act });
    };
    const zoom = element('div', { class: 'zoom' }, [
      button('+', 'Larger', function () { side.zoomBy(1.3); }),
      button('\u2212', 'Smaller', function () { side.zoomBy(1 / 1.3); }),
      button('Fit', 'All of it', function () { side.fit(true); })]);
    const caption = element('h2', { title: this.title }, [element('small', { text: this.name }), document.createTextNode(' '), element('span', { text: this.title })]);
    this.pane = element('section', { class: 'pane', id: 'pane-' + this.id }, [caption, this.svg, zoom]);
    listen(this);
  }

  draw() {
    this.measure(this.root);
    const edges = this.edges();
    link(this.root, edges);
    layout(this.root);
    settle(this.root, 0, 0);
    this.drawnEdges = edges;
    this.drawn = [];
    let boxes = '', lines = '';
    const side = this;
    const walk = function (item) {
      if (item !== side.root) {
        boxes += side.boxMarkup(item);
        side.drawn.push(item);
      }
      if (item.open) item.children.forEach(walk);
    };
    walk(this.root);
    edges.forEach(function (edge) {
      const points = pointsOf(edge), xs = points.map(function (p) { return p[0]; }), ys = points.map(function (p) { return p[1]; });
      edge.frame = [Math.min.apply(null, xs), Math.min.apply(null, ys), Math.max.apply(null, xs), Math.max.apply(null, ys)];
      lines += '<path class="edge' + (edge.control ? ' control' : '') + '" d="' + pathOf(points) + '" marker-end="url(#tip-' + side.id + ')"/>';
    });
    // Open clusters lie below the edges, everything else above them.
    this.all.innerHTML = '<g class="grounds">' + this.drawn.filter(function (item) { return item.open; }).map(this.groundMarkup, this).join('') +
      '</g><g class="edges">' + lines + '</g><g class="boxes">' + boxes + '</g>';
    this.elementOf = new Map();
    for (const g of this.all.querySelectorAll('.box')) this.elementOf.set(this.items[g.dataset.item], g);
    this.edgeElements = Array.from(this.all.querySelectorAll('.edge'));
    this.frames = this.drawn.map(function (item) { return [this.elementOf.get(item), [item.ax, item.ay, item.ax + item.w, item.ay + item.h]]; }, this)
      .concat(edges.map(function (edge, i) { return [this.edgeElements[i], edge.frame]; }, this));
    this.region = null;
    this.colour();
    this.mark();
    this.move();
  }

  groundMarkup(item) {
    return '<rect class="ground" x="' + item.ax + '" y="' + item.ay + '" width="' + item.w + '" height="' + item.h + '" rx="10"/>';
  }

  boxMarkup(item) {
    const at = '<g class="box ', place = '" data-item="' + item.id + '" transform="translate(' + item.ax + ',' + item.ay + ')" tabindex="-1" role="button"';
    const toggle = function (x, sign) {
      return '<g class="toggle" transform="translate(' + x + ',5)"><rect class="area" x="-6" y="-6" width="32" height="32"/><rect class="key" width="20" height="20" rx="5"/><path d="M5,10H15' + (sign ? 'M10,5V15' : '') + '"/></g>';
    };
    if (item.open) {
      return at + 'open' + place + ' aria-expanded="true" aria-label="' + safe(item.label + ', open') + '"><rect class="handle" width="' + item.w + '" height="' + HEAD + '" rx="10"/><text x="12" y="20">' +
        safe(fitted(item.label, TITLE, item.w - 46)) + '</text>' + toggle(item.w - 27, false) + '</g>';
    }
    const words = item.words, kind = item.children ? 'cluster' : 'leaf k' + kindOf(this.nodes[item.leaf].k);
    const drop = item.children ? item.leaves.every(function (id) { return this.nodes[id].d; }, this) : this.nodes[item.leaf].d;
    const room = item.w - 24;
    let markup = at + kind + (drop ? ' dropped' : '') + place + (item.children ? ' aria-expanded="false"' : '') +
      ' aria-label="' + safe([words.title].concat(words.lines).join(', ')) + '"><title>' + safe(item.children ? item.path.replace(/\*$/, '\u2026') : this.nodes[item.leaf].n || '') + '</title>';
    if (item.children) markup += '<rect class="back" x="4" y="4" width="' + item.w + '" height="' + item.h + '" rx="7"/>';
    markup += '<rect class="body" width="' + item.w + '" height="' + item.h + '" rx="7"/><rect class="heat" width="' + item.w + '" height="' + item.h + '" rx="7"/>';
    if (!item.children) markup += '<path class="stripe" d="M7,0.5H5A5,5 0 0 0 0.5,7V' + (item.h - 7) + 'A5,5 0 0 0 5,' + (item.h - 0.5) + 'H7z"/>';
    markup += '<text class="title" x="14" y="18">' + safe(fitted(words.title, TITLE, room - (item.children ? 22 : 0))) + '</text>';
    words.lines.forEach(function (line, i) {
      markup += '<text class="line" x="14" y="' + (34 + 15 * i) + '">' + safe(fitted(line, LINE, room)) + '</text>';
    });
    return markup + (item.children ? toggle(item.w - 27, true) : '') + '</g>';
  }

  // How much of the whole each box is, of what the menu says.
  colour() {
    const mode = document.getElementById('colour').value;
    this.svg.classList.toggle('by-kind', mode === 'kind');
    const shares = [];
    for (const item of this.drawn) {
      if (item.open || mode === 'kind') { shares.push(0); continue; }
      const sum = item.sums || (item.sums = this.sumsOf(item));
      shares.push(mode === 'time' ? sum.ms || 0 : mode === 'bytes' ? sum.bytes : sum.macs);
    }
    const most = Math.max.apply(null, shares.concat(1e-12));
    this.drawn.forEach(function (item, i) {
      const heat = this.elementOf.get(item).querySelector('.heat');
      if (heat) heat.style.fillOpacity = (0.7 * Math.sqrt(shares[i] / most)).toFixed(3);
    }, this);
  }

  // Selection, its edges, and what belongs to the selection of the other side.
  mark() {
    const chosen = this.selected && this.boxOf(this.selected);
    const linked = new Set();
    for (const id of this.linked || []) if (this.itemOf[id]) linked.add(this.boxOf(this.itemOf[id]));
    for (const [item, g] of this.elementOf) {
      g.classList.toggle('sel', item === chosen);
      g.classList.toggle('linked', linked.has(item));
      g.setAttribute('aria-pressed', item === chosen);
      g.setAttribute('tabindex', '-1');
    }
    const stop = this.elementOf.get(chosen) || this.elementOf.get(this.drawn[0]);
    if (stop) stop.setAttribute('tabindex', '0');
    const inside = function (item) {
      for (let at = item; at; at = at.parent) if (at === chosen) return true;
      return false;
    };
    this.drawnEdges.forEach(function (edge, i) {
      const from = !!chosen && inside(edge.from), to = !!chosen && inside(edge.to);
      this.edgeElements[i].classList.toggle('near', from !== to);
    }, this);
    for (const path of this.all.querySelectorAll('.edge.near')) path.parentNode.append(path);
    this.drawnLinked = linked;
  }

  // ---- Moving ----

  move() {
    this.all.setAttribute('transform', 'translate(' + this.x.toFixed(2) + ',' + this.y.toFixed(2) + ') scale(' + this.k.toFixed(4) + ')');
    this.svg.classList.toggle('far', this.k < 0.3);
    const seen = this.seen(this.k, this.x, this.y, 0), region = this.region;
    const isInside = region && seen[0] >= region[0] && seen[1] >= region[1] && seen[2] <= region[2] && seen[3] <= region[3];
    if (!isInside || region[4] > 3 * this.k || 3 * region[4] < this.k) this.cull([this.seen(this.k, this.x, this.y, 1)]);
  }

  // What of the picture can be seen, and as much of it beside as `more` says.
  seen(k, x, y, more) {
    const size = this.size();
    return [(-more * size.w - x) / k, (-more * size.h - y) / k, ((1 + more) * size.w - x) / k, ((1 + more) * size.h - y) / k, k];
  }

  // Only what is in sight, or near, is left to the browser to draw.
  cull(regions) {
    this.region = regions[0];
    for (const part of this.frames) {
      const f = part[1];
      const isNear = regions.some(function (r) { return f[2] >= r[0] && f[0] <= r[2] && f[3] >= r[1] && f[1] <= r[3]; });
      if (part[2] !== isNear) part[0].style.display = (part[2] = isNear) ? '' : 'none';
    }
  }

  glide(k, x, y) {
    const from = [this.k, this.x, this.y], side = this, start = performance.now(), run = this.run = {};
    this.cull([this.seen(k, x, y, 1), this.seen(this.k, this.x, this.y, 1)]);  // the focus may go there at once
    const finish = function () {
      side.k = k;
      side.x = x;
      side.y = y;
      side.move();
    };
    if (calm.matches || document.hidden) return finish();
    const step = function (now) {
      if (side.run !== run) return;
      const t = Math.min(1, (now - start) / 260), s = t * t * (3 - 2 * t);
      side.k = from[0] + (k - from[0]) * s;
      side.x = from[1] + (x - from[1]) * s;
      side.y = from[2] + (y - from[2]) * s;
      side.move();
      if (t < 1) requestAnimationFrame(step); else finish();
    };
    requestAnimationFrame(step);
  }

  size() {
    return { w: this.svg.clientWidth || 1, h: this.svg.clientHeight || 1 };
  }

  fit(slowly) {
    const size = this.size(), root = this.root;
    const k = Math.min(1.2, (size.w - 32) / Math.max(1, root.w), (size.h - TOP - 16) / Math.max(1, root.h));
    const x = (size.w - root.w * k) / 2, y = TOP + (size.h - TOP - root.h * k) / 2;
    if (slowly) return this.glide(k, x, y);
    this.k = k;
    this.x = x;
    this.y = y;
    this.move();
  }

  // All of it if it can be read so; else its beginning.
  begin() {
    this.fit(false);
    if (this.k >= 0.62) return;
    const size = this.size(), root = this.root;
    this.k = Math.min(0.9, Math.max(0.62, (size.w - 24) / root.w));
    this.x = root.w * this.k <= size.w ? (size.w - root.w * this.k) / 2 : size.w / 2 - this.startX() * this.k;
    this.y = TOP;
    this.move();
  }

  startX() {
    const first = this.drawn.filter(function (item) { return !item.open && !item.leaves.every(function (id) { return this.nodes[id].d; }, this); }, this)
      .sort(function (a, b) { return a.ay - b.ay; })[0];
    return first ? first.ax + first.w / 2 : this.root.w / 2;
  }

  // How much of the picture's lower part the panel hides, on small screens.
  cover() {
    if (!narrow.matches || !document.body.classList.contains('chosen')) return 0;
    return Math.max(0, Math.min(this.size().h - 120, this.svg.getBoundingClientRect().bottom - panel.getBoundingClientRect().top));
  }

  zoomBy(factor, px, py) {
    const size = this.size();
    if (px === undefined) {
      px = size.w / 2;
      py = size.h / 2;
    }
    const k = Math.min(4, Math.max(0.03, this.k * factor));
    this.run = null;
    this.x = px - (px - this.x) * k / this.k;
    this.y = py - (py - this.y) * k / this.k;
    this.k = k;
    this.move();
  }

  // Brings boxes into sight, if they are not.
  show(items) {
    if (!items.length || !this.svg.clientWidth) return;
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (const item of items) {
      left = Math.min(left, item.ax);
      top = Math.min(top, item.ay);
      right = Math.max(right, item.ax + item.w);
      bottom = Math.max(bottom, item.ay + (item.open ? Math.min(item.h, 200) : item.h));
    }
    const size = this.size(), edge = 24, cover = this.cover();
    size.h -= cover;
    const seen = left * this.k + this.x >= 8 && right * this.k + this.x <= size.w - 8 && top * this.k + this.y >= TOP - 8 && bottom * this.k + this.y <= size.h - 8;
    if (seen && this.k > 0.4) return;
    const room = Math.min((size.w - 2 * edge) / (right - left), (size.h - TOP - edge) / (bottom - top));
    const k = Math.max(0.25, Math.min(room, this.k < 0.5 ? 0.8 : this.k));
    this.glide(k, size.w / 2 - (left + right) / 2 * k, (TOP + size.h) / 2 - (top + bottom) / 2 * k);
  }

  // ---- Opening ----

  redraw(anchor) {
    const box = anchor && this.boxOf(anchor);
    const place = box ? [box.ax + box.w / 2, box.ay] : null;
    const focused = this.svg.contains(document.activeElement) ? this.selected : null;
    this.draw();
    if (box) this.stay(box, place);
    if (focused) this.focus(focused);
  }

  // The middle of a box's upper edge stays where it was on the screen.
  stay(box, place) {
    this.x += (place[0] - (box.ax + box.w / 2)) * this.k;
    this.y += (place[1] - box.ay) * this.k;
    this.run = null;
    this.move();
  }

  toggle(item) {
    if (!item.children || item === this.root) return;
    item.open = !item.open;
    this.redraw(item);
  }

  setAll(open) {
    this.eachCluster(function (cluster) { cluster.open = open; });
    this.root.open = true;
    if (!open) while (this.root.children.length === 1 && this.root.children[0].children && !this.root.children[0].open) this.root.children[0].open = true;
    this.draw();
    this.begin();
  }

  reveal(id) {
    if (!this.itemOf[id]) {
      if (this.isParameter[id]) showing.constants = true;
      if (this.nodes[id].d) showing.unneeded = true;
      rebuild();
    }
    const item = this.itemOf[id], before = this.boxOf(item), place = [before.ax + before.w / 2, before.ay];
    if (before === item) return item;
    for (let at = item.parent; at; at = at.parent) at.open = true;
    this.draw();
    this.stay(before, place);
    return item;
  }

  focus(item) {
    const g = this.elementOf.get(this.boxOf(item));
    if (g) g.focus({ preventScroll: true });
  }
}
)js";

}  // namespace posy
