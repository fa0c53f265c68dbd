// Where everything of the page of posy show stands: clusters by name, and a layered picture of those that are open.
#pragma once

namespace posy {

constexpr const char* kGraphLayoutScript = R"js(
'use strict';
// ---- Clusters ----

// Children beyond this are sought a common beginning with a number, such as block_1_ of block_1_expand.
const CROWD = 24;
// A picture opens with about as many boxes.
const FIRST_LOOK = 40;

// A tree of clusters over the leaves: {id, leaf | children, label, path, parent, open}.
function treeOf(leaves, nameOf, before) {
  const root = { path: '', label: '', children: [], parent: null, open: true };
  const scopes = new Map([['', root]]);
  const scopeNames = new Set();
  for (const leaf of leaves) {
    const parts = nameOf(leaf).split('/');
    for (let i = 1; i < parts.length; ++i) scopeNames.add(parts.slice(0, i).join('/'));
  }
  const scopeAt = function (path) {
    let scope = scopes.get(path);
    if (scope) return scope;
    const cut = path.lastIndexOf('/');
    const parent = scopeAt(cut < 0 ? '' : path.slice(0, cut));
    scope = { path: path, label: path.slice(cut + 1), children: [], parent: parent, open: false };
    parent.children.push(scope);
    scopes.set(path, scope);
    return scope;
  };
  for (const leaf of leaves) {
    const name = nameOf(leaf), cut = name.lastIndexOf('/');
    const isScope = scopeNames.has(name);
    const parent = scopeAt(isScope ? name : cut < 0 ? '' : name.slice(0, cut));
    const label = name.slice(cut + 1);
    parent.children.push({ leaf: leaf, label: isScope ? '(' + label + ')' : label, path: '\u0000' + leaf, parent: parent });
  }
  squash(root);
  group(root, 0);
  let number = 0;
  const finish = function (item) {
    item.id = number++;
    item.count = item.children ? 0 : 1;
    for (const child of item.children || []) {
      child.parent = item;
      finish(child);
      item.count += child.count;
    }
  };
  finish(root);
  openSome(root, before);
  return root;
}

// A cluster of one thing is that thing.
function squash(cluster) {
  cluster.children = cluster.children.map(function (child) {
    if (!child.children) return child;
    squash(child);
    if (child.children.length !== 1) return child;
    const only = child.children[0];
    only.label = only.label === '(' + child.label + ')' ? child.label : child.label + '/' + only.label;
    return only;
  });
}

function group(cluster, from) {
  const children = cluster.children;
  if (children.length > CROWD) {
    const groups = new Map();
    for (const child of children) {
      const match = /^.*?\d+(?=_|-|\.|$)/.exec(child.label.slice(from).replace(/\/.*/, ''));
      const key = match ? child.label.slice(0, from) + match[0] : null;
      if (key === null) continue;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(child);
    }
    const taken = new Map();
    for (const [key, members] of groups) {
      if (members.length < 2 || members.length === children.length) continue;
      const scope = { path: cluster.path + '/' + key + '*', label: key + ' \u2026', children: members, parent: cluster, open: false, from: key.length + 1 };
      for (const member of members) taken.set(member, scope);
    }
    const placed = new Set();
    cluster.children = children.filter(function (child) {
      const scope = taken.get(child);
      if (!scope) return true;
      if (placed.has(scope)) return false;
      return placed.add(scope);
    }).map(function (child) { return taken.get(child) || child; });
  }
  for (const child of cluster.children) if (child.children) group(child, child.from || 0);
}

// As `before`: the paths of open clusters, and what was hidden in closed ones. Without it, clusters open as long as the
// picture stays small.
function openSome(root, before) {
  if (before) {
    const reopen = function (item) {
      if (!item.children) return before.hidden.has(item.leaf);
      const hides = item.children.map(reopen).some(Boolean);
      item.open = item === root || before.paths.has(item.path) || !hides;
      return hides;
    };
    reopen(root);
    return;
  }
  // Level by level, so that what is alike is open alike; but never only two or three boxes.
  let shown = root.children.length;
  const areClusters = function (item) { return item.children; };
  for (let level = root.children.filter(areClusters); level.length; level = level.flatMap(function (item) { return item.children; }).filter(areClusters)) {
    const all = level.reduce(function (sum, item) { return sum + item.children.length - 1; }, shown);
    if (all > FIRST_LOOK) {
      if (shown > 8) return;
      level = level.sort(function (a, b) { return a.children.length - b.children.length; });
      level = level.filter(function (item, i) { return i === 0 || shown + item.children.length < 2 * FIRST_LOOK; }).slice(0, 1);
      if (level[0].children.length > 6 * FIRST_LOOK) return;
    }
    for (const item of level) {
      item.open = true;
      shown += item.children.length - 1;
    }
  }
}

// ---- One layer below the other ----

const GAP_X = 22, GAP_Y = 34, PAD = 14, HEAD = 30, DUMMY = 10;

// Lays out an open cluster and what is in it: w and h, and x and y of children from its corner. `edges` are those
// between shown boxes, [from, to]; every cluster knows those that concern it by link().
function layout(cluster) {
  for (const child of cluster.children) if (child.open) layout(child);
  const level = levelOf(cluster);
  assignLayers(level);
  addChains(level);
  orderLayers(level);
  placeAcross(level);
  placeDown(cluster, level);
}

// Edges in terms of the clusters that they cross.
function link(root, edges) {
  const reset = function (cluster) {
    cluster.pairs = new Map();
    cluster.ins = new Set();
    cluster.outs = new Set();
    for (const child of cluster.children) if (child.open) reset(child);
  };
  reset(root);
  for (const edge of edges) {
    const above = new Set();
    for (let at = edge.from; at; at = at.parent) above.add(at);
    let to = edge.to;
    edge.downTo = [];
    while (!above.has(to.parent)) {
      edge.downTo.push([to.parent, to]);
      to.parent.ins.add(to);
      to = to.parent;
    }
    const common = to.parent;
    let from = edge.from;
    edge.upFrom = [];
    while (from.parent !== common) {
      edge.upFrom.push([from.parent, from]);
      from.parent.outs.add(from);
      from = from.parent;
    }
    edge.at = common;
    edge.a = from;
    edge.b = to;
    const key = from.id + ' ' + to.id;
    if (!common.pairs.has(key)) common.pairs.set(key, { a: from, b: to });
  }
}

// Boxes of a cluster, and edges between them without loops.
function levelOf(cluster) {
  const boxes = cluster.children.map(function (item) {
    return { item: item, w: item.w, h: item.h, inOff: item.inOff || 0, outOff: item.outOff || 0, next: [], prev: [], layer: 0 };
  });
  const boxOf = new Map(boxes.map(function (box) { return [box.item, box]; }));
  const edges = [];
  for (const pair of cluster.pairs.values()) {
    const edge = { pair: pair, from: boxOf.get(pair.a), to: boxOf.get(pair.b) };
    edges.push(edge);
    edge.from.next.push(edge);
  }
  const state = new Map();
  for (const start of boxes) {
    if (state.has(start)) continue;
    const open = [[start, 0]];
    state.set(start, 1);
    while (open.length) {
      const top = open[open.length - 1], box = top[0];
      if (top[1] === box.next.length) {
        state.set(box, 2);
        open.pop();
        continue;
      }
      const edge = box.next[top[1]++];
      const seen = state.get(edge.to);
      if (seen === 1) edge.back = true;
      if (!seen) {
        state.set(edge.to, 1);
        open.push([edge.to, 0]);
      }
    }
  }
  for (const box of boxes) box.next = [];
  for (const edge of edges) {
    if (edge.back) [edge.from, edge.to] = [edge.to, edge.from];
    edge.from.next.push(edge);
    edge.to.prev.push(edge);
  }
  const isIn = function (box) { return cluster.ins.has(box.item); };
  const isOut = function (box) { return cluster.outs.has(box.item); };
  for (const box of boxes) {
    box.isIn = isIn(box);
    box.isOut = isOut(box);
  }
  const isAlone = function (box) { return !box.next.length && !box.prev.length && !box.isIn && !box.isOut; };
  return { boxes: boxes.filter(function (box) { return !isAlone(box); }), alone: boxes.filter(isAlone), edges: edges };
}

function assignLayers(level) {
  const waiting = new Map(), order = [];
  for (const box of level.boxes) {
    waiting.set(box, box.prev.length);
    if (!box.prev.length) order.push(box);
  }
  for (let i = 0; i < order.length; ++i) {
    for (const edge of order[i].next) {
      edge.to.layer = Math.max(edge.to.layer, order[i].layer + 1);
      waiting.set(edge.to, waiting.get(edge.to) - 1);
      if (waiting.get(edge.to) === 0) order.push(edge.to);
    }
  }
  // What has time waits for those that use it: short edges.
  for (let i = order.length - 1; i >= 0; --i) {
    const box = order[i];
    if (!box.next.length || box.isIn || box.next.length < box.prev.length) continue;
    let layer = Infinity;
    for (const edge of box.next) layer = Math.min(layer, edge.to.layer - 1);
    box.layer = layer;
  }
  let count = 0;
  for (const box of level.boxes) count = Math.max(count, box.layer + 1);
  level.layers = Array.from({ length: count }, function () { return []; });
  for (const box of order) level.layers[box.layer].push(box);
}

// Edges over several layers, and those to the cluster's borders, get a place in every layer that they cross.
function addChains(level) {
  const last = level.layers.length - 1;
  // What has one way on stands in line with it.
  const chain = function (from, to, first, end) {
    const dummies = [], least = from && to && isRow(from, to) ? 6 : 1;
    for (let layer = first; layer <= end; ++layer) {
      const dummy = { w: DUMMY, h: 0, inOff: 0, outOff: 0, up: [], down: [], layer: layer, isDummy: true };
      level.layers[layer].push(dummy);
      dummies.push(dummy);
    }
    const all = (from ? [from] : []).concat(dummies, to ? [to] : []);
    for (let i = 0; i + 1 < all.length; ++i) {
      const weight = Math.max(least, (all[i].isDummy ? 3 : 1) * (all[i + 1].isDummy ? 3 : 1));
      all[i].down.push([all[i + 1], weight]);
      all[i + 1].up.push([all[i], weight]);
    }
    if (dummies.length > 1) level.chains.push(dummies);
    return dummies;
  };
  level.chains = [];
  for (const box of level.boxes) {
    box.up = [];
    box.down = [];
  }
  for (const edge of level.edges) edge.chain = chain(edge.from, edge.to, edge.from.layer + 1, edge.to.layer - 1);
  for (const box of level.boxes) {
    if (box.isIn) box.inChain = chain(null, box, 0, box.layer - 1);
    if (box.isOut) box.outChain = chain(box, null, box.layer + 1, last);
  }
}

// ---- Few crossings ----

function crossings(layers) {
  let all = 0;
  for (let i = 0; i + 1 < layers.length; ++i) {
    const ends = [];
    for (const box of layers[i]) {
      const lower = box.down.map(function (d) { return d[0].at; }).sort(function (a, b) { return a - b; });
      ends.push.apply(ends, lower);
    }
    // Pairs that stand in the wrong order, by a binary indexed tree.
    const size = layers[i + 1].length + 1, tree = new Int32Array(size + 1);
    for (let e = 0; e < ends.length; ++e) {
      let before = 0;
      for (let at = ends[e] + 1; at > 0; at -= at & -at) before += tree[at];
      all += e - before;
      for (let at = ends[e] + 1; at <= size; at += at & -at) ++tree[at];
    }
  }
  return all;
}

function number(layer) {
  for (let i = 0; i < layer.length; ++i) layer[i].at = i;
}

function orderLayers(level) {
  const layers = level.layers;
  layers.forEach(number);
  const sortBy = function (layer, side) {
    for (const box of layer) {
      const near = box[side];
      box.key = box.at;
      if (!near.length) continue;
      let sum = 0;
      for (const n of near) sum += n[0].at / n[0].size;
      box.key = sum / near.length * layer.length;
    }
    layer.sort(function (a, b) { return a.key - b.key || a.at - b.at; });
    number(layer);
  };
  for (const layer of layers) for (const box of layer) box.size = layer.length;
  let best = layers.map(function (layer) { return layer.slice(); }), fewest = crossings(layers);
  for (let round = 0; round < 12 && fewest > 0; ++round) {
    if (round % 2 === 0) for (let i = 1; i < layers.length; ++i) sortBy(layers[i], 'up');
    else for (let i = layers.length - 2; i >= 0; --i) sortBy(layers[i], 'down');
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map(function (layer) { return layer.slice(); });
    }
  }
  level.layers = best;
  best.forEach(number);
}

// ---- Straight edges ----

// Places as near to the wishes as their order and distances allow: least squares, by pooling neighbours.
function spread(layer, wish, weight) {
  const blocks = [];
  let offset = 0;
  for (let i = 0; i < layer.length; ++i) {
    if (i > 0) offset += (layer[i - 1].w + layer[i].w) / 2 + (layer[i - 1].isDummy && layer[i].isDummy ? 4 : GAP_X);
    layer[i].offset = offset;
    let block = { sum: (wish[i] - offset) * weight[i], weight: weight[i], count: 1 };
    while (blocks.length && blocks[blocks.length - 1].sum / blocks[blocks.length - 1].weight > block.sum / block.weight) {
      const before = blocks.pop();
      block = { sum: before.sum + block.sum, weight: before.weight + block.weight, count: before.count + block.count };
    }
    blocks.push(block);
  }
  let i = 0;
  for (const block of blocks) {
    for (let n = 0; n < block.count; ++n, ++i) layer[i].x = block.sum / block.weight + layer[i].offset;
  }
}

function placeAcross(level) {
  for (const layer of level.layers) {
    let x = 0;
    for (const box of layer) {
      box.x = x + box.w / 2;
      x += box.w + GAP_X;
    }
    for (const box of layer) box.x -= x / 2;
  }
  const pull = function (layer, up, down) {
    const wish = [], weight = [];
    for (const box of layer) {
      let sum = 0, all = 0;
      if (up) for (const n of box.up) { sum += n[1] * (n[0].x + n[0].outOff - box.inOff); all += n[1]; }
      if (down) for (const n of box.down) { sum += n[1] * (n[0].x + n[0].inOff - box.outOff); all += n[1]; }
      wish.push(all ? sum / all : box.x);
      weight.push(all || 0.1);
    }
    spread(layer, wish, weight);
  };
  const layers = level.layers, count = layers.reduce(function (sum, layer) { return sum + layer.length; }, 0);
  const rounds = count > 3000 ? 8 : 24;
  for (let round = 0; round < rounds; ++round) {
    const both = round >= rounds / 2;
    for (let i = 0; i < layers.length; ++i) pull(layers[i], i > 0 || both, both);
    for (let i = layers.length - 1; i >= 0; --i) pull(layers[i], both, i + 1 < layers.length || both);
  }
  for (const row of rowsOf(level)) straighten(row, layers);
  for (const chain of level.chains) straighten(chain, layers);
}

function isRow(from, to) { return from.next.length === 1 && to.prev.length === 1; }

// Boxes that follow each other, with no other way on.
function rowsOf(level) {
  const rows = [];
  const goesOn = function (box) {
    const to = box.next.length === 1 ? box.next[0].to : null;
    return to && isRow(box, to) && to.layer === box.layer + 1 && !to.item.open && !box.item.open ? to : null;
  };
  for (const box of level.boxes) {
    if (box.prev.length === 1 && goesOn(box.prev[0].from) === box) continue;
    const row = [box];
    for (let at = goesOn(box); at; at = goesOn(at)) row.push(at);
    if (row.length > 1) rows.push(row);
  }
  return rows;
}

// Long edges bend where they must: as far as the boxes beside leave room, an edge goes on where it is. So do rows.
function straighten(chain, layers) {
  const gap = function (a, b) { return (a.w + b.w) / 2 + (a.isDummy && b.isDummy ? 4 : GAP_X / 2); };
  const room = function (dummy) {
    const layer = layers[dummy.layer], left = layer[dummy.at - 1], right = layer[dummy.at + 1];
    return [left ? left.x + gap(left, dummy) : -Infinity, right ? right.x - gap(dummy, right) : Infinity];
  };
  for (let start = 0; start < chain.length;) {
    let low = -Infinity, high = Infinity, end = start, sum = 0;
    for (; end < chain.length; ++end) {
      const [from, to] = room(chain[end]);
      if (Math.max(low, from) > Math.min(high, to)) break;
      low = Math.max(low, from);
      high = Math.min(high, to);
      sum += chain[end].x;
    }
    if (end === start) {
      ++start;
      continue;
    }
    const x = Math.min(high, Math.max(low, sum / (end - start)));
    for (; start < end; ++start) chain[start].x = x;
  }
}

// ---- Down the page ----

function placeDown(cluster, level) {
  const isRoot = !cluster.parent, pad = isRoot ? 0 : PAD, head = isRoot ? 0 : HEAD;
  let left = Infinity, right = -Infinity, y = head;
  for (const layer of level.layers) {
    for (const box of layer) {
      left = Math.min(left, box.x - box.w / 2);
      right = Math.max(right, box.x + box.w / 2);
    }
  }
  if (left > right) left = right = 0;
  const bands = [];
  level.layers.forEach(function (layer, i) {
    let height = 0, farthest = 0;
    for (const box of layer) {
      height = Math.max(height, box.h);
      for (const n of box.down) farthest = Math.max(farthest, Math.abs(n[0].x + n[0].inOff - box.x - box.outOff));
    }
    bands.push([y, y + height]);
    for (const box of layer) {
      box.y = y + (height - box.h) / 2;
      box.band = bands[i];
    }
    const isLast = i + 1 === level.layers.length;
    y += height + (isLast ? 0 : GAP_Y + Math.min(60, farthest / 12));
  });
  // Boxes without edges stand below, in rows.
  let width = Math.max(right - left, cluster.labelWidth || 0);
  const most = Math.max(width, 900);
  let x = 0, row = 0;
  if (level.alone.length && level.layers.length) y += GAP_Y;
  for (const box of level.alone) {
    if (x > 0 && x + box.w > most) {
      x = 0;
      y += row + GAP_X;
      row = 0;
    }
    box.x = left + x + box.w / 2;
    box.y = y;
    x += box.w + GAP_X;
    row = Math.max(row, box.h);
    right = Math.max(right, box.x + box.w / 2);
  }
  y += row;
  width = Math.max(right - left, cluster.labelWidth || 0);
  const shift = pad - left + (width - (right - left)) / 2;
  for (const box of level.boxes.concat(level.alone)) {
    box.x += shift;
    box.item.x = box.x - box.w / 2;
    box.item.y = box.y;
    box.item.band = box.band;
  }
  for (const layer of level.layers) for (const box of layer) if (box.isDummy) box.x += shift;
  cluster.w = width + 2 * pad;
  cluster.h = y + (isRoot ? 0 : PAD);
  keepRoutes(cluster, level);
}

// Points that edges go through, from the cluster's corner.
function keepRoutes(cluster, level) {
  const through = function (chain) {
    const points = [];
    for (const dummy of chain) points.push([dummy.x, dummy.band[0]], [dummy.x, dummy.band[1]]);
    return points;
  };
  cluster.routes = new Map();
  for (const edge of level.edges) {
    let points = through(edge.chain);
    if (edge.back) points = points.reverse();
    cluster.routes.set(edge.pair.a.id + ' ' + edge.pair.b.id, { points: points, back: !!edge.back });
  }
  cluster.inRoutes = new Map();
  cluster.outRoutes = new Map();
  let inSum = 0, inCount = 0, outSum = 0, outCount = 0;
  for (const box of level.boxes) {
    if (box.isIn) {
      const points = through(box.inChain);
      const x = points.length ? points[0][0] : box.x + box.inOff;
      cluster.inRoutes.set(box.item, [[x, 0]].concat(points));
      inSum += x;
      ++inCount;
    }
    if (box.isOut) {
      const points = through(box.outChain);
      const x = points.length ? points[points.length - 1][0] : box.x + box.outOff;
      cluster.outRoutes.set(box.item, points.concat([[x, cluster.h]]));
      outSum += x;
      ++outCount;
    }
  }
  cluster.inOff = inCount ? inSum / inCount - cluster.w / 2 : 0;
  cluster.outOff = outCount ? outSum / outCount - cluster.w / 2 : 0;
}

// Absolute corners of everything that is shown.
function settle(item, x, y) {
  item.ax = x;
  item.ay = y;
  if (item.open) for (const child of item.children) settle(child, x + child.x, y + child.y);
}

// All points of an edge, in the picture: from either end outwards to the cluster in which both ends are. An edge goes on
// upright to the border of its layer, past taller boxes beside.
function pointsOf(edge) {
  const moved = function (cluster, points) {
    return points.map(function (p) { return [p[0] + cluster.ax, p[1] + cluster.ay]; });
  };
  const lastX = function (points) { return points[points.length - 1][0]; };
  const route = edge.at.routes.get(edge.a.id + ' ' + edge.b.id), side = route.back ? [0, 1] : [1, 0];
  const from = edge.from, to = edge.to;
  const start = [[from.ax + from.w / 2, route.back && !edge.upFrom.length ? from.ay : from.ay + from.h]];
  for (const [cluster, child] of edge.upFrom) {
    start.push([lastX(start), cluster.ay + child.band[1]]);
    start.push.apply(start, moved(cluster, cluster.outRoutes.get(child)));
  }
  start.push([lastX(start), edge.at.ay + edge.a.band[side[0]]]);
  const end = [[to.ax + to.w / 2, route.back && !edge.downTo.length ? to.ay + to.h : to.ay]];
  for (const [cluster, child] of edge.downTo) {
    end.push([lastX(end), cluster.ay + child.band[0]]);
    end.push.apply(end, moved(cluster, cluster.inRoutes.get(child)).reverse());
  }
  end.push([lastX(end), edge.at.ay + edge.b.band[side[1]]]);
  return start.concat(moved(edge.at, route.points), end.reverse());
}

// Curves that leave and arrive upright.
function pathOf(all) {
  const points = all.filter(function (p, i) { return i === 0 || Math.abs(p[0] - all[i - 1][0]) + Math.abs(p[1] - all[i - 1][1]) > 0.5; });
  const r = function (x) { return Math.round(x * 10) / 10; };
  let d = 'M' + r(points[0][0]) + ',' + r(points[0][1]);
  for (let i = 1; i < points.length; ++i) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i];
    if (Math.abs(x0 - x1) < 0.5) d += 'L' + r(x1) + ',' + r(y1);
    else {
      const middle = (y0 + y1) / 2;
      d += 'C' + r(x0) + ',' + r(middle) + ' ' + r(x1) + ',' + r(middle) + ' ' + r(x1) + ',' + r(y1);
    }
  }
  return d;
}
)js";

}  // namespace posy
