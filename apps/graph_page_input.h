// Pointers and keys on the pictures of the page of posy show.
#pragma once

namespace posy {

constexpr const char* kGraphInputScript = R"js(
'use strict';
function itemAt(side, target) {
  const g = target.closest && target.closest('.box');
  return g ? side.items[g.dataset.item] : null;
}

function listen(side) {
  const svg = side.svg, pointers = new Map();
  let moved = 0;
  const placeOf = function (event) {
    const frame = svg.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  svg.addEventListener('wheel', function (event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    side.zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * unit)) * (event.ctrlKey ? 0.01 : 0.0022)), ...placeOf(event));
  }, { passive: false });
  svg.addEventListener('pointerdown', function (event) {
    if (event.button !== 0) return;
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, placeOf(event));
    side.run = null;
  });
  svg.addEventListener('pointermove', function (event) {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = placeOf(event);
    pointers.set(event.pointerId, now);
    moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    if (moved > 5 && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
    if (pointers.size === 1) {
      side.x += now[0] - before[0];
      side.y += now[1] - before[1];
      return side.move();
    }
    const other = Array.from(pointers.entries()).find(function (p) { return p[0] !== event.pointerId; })[1];
    const span = function (p) { return Math.hypot(p[0] - other[0], p[1] - other[1]) || 1; };
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    side.x += (now[0] - before[0]) / 2;
    side.y += (now[1] - before[1]) / 2;
    side.zoomBy(span(now) / span(before), middle[0], middle[1]);
  });
  const lift = function (event) { pointers.delete(event.pointerId); };
  svg.addEventListener('pointerup', lift);
  svg.addEventListener('pointercancel', lift);
  svg.addEventListener('click', function (event) {
    if (moved > 5) return;
    const item = itemAt(side, event.target);
    if (!item) return select(null, null);
    if (event.target.closest('.toggle')) side.toggle(item);
    select(side, item);
  });
  svg.addEventListener('dblclick', function (event) {
    const item = itemAt(side, event.target);
    if (item && item.children && !event.target.closest('.toggle')) {
      side.toggle(item);
      select(side, item);
    }
  });
  svg.addEventListener('keydown', function (event) { keyInPicture(side, event); });
}

// Arrow keys follow edges up and down, and go to the next box beside.
function neighbour(side, item, key) {
  const box = side.boxOf(item);
  const middle = function (b) { return b.ax + b.w / 2; };
  const nearest = function (list) {
    return list.sort(function (a, b) { return Math.abs(middle(a) - middle(box)) - Math.abs(middle(b) - middle(box)); })[0];
  };
  if (key === 'ArrowDown' || key === 'ArrowUp') {
    const down = key === 'ArrowDown';
    if (box.open) return down ? box.children.slice().sort(function (a, b) { return a.ay - b.ay || a.ax - b.ax; })[0] : box.parent.parent ? box.parent : null;
    const list = side.drawnEdges.filter(function (edge) { return (down ? edge.from : edge.to) === box; }).map(function (edge) { return down ? edge.to : edge.from; });
    return nearest(list);
  }
  const right = key === 'ArrowRight';
  const row = side.drawn.filter(function (b) {
    return b !== box && !b.open && b.ay < box.ay + box.h && b.ay + b.h > box.ay && (right ? middle(b) > middle(box) : middle(b) < middle(box));
  });
  return nearest(row);
}

function keyInPicture(side, event) {
  const g = event.target.closest('.box');
  const item = g ? side.items[g.dataset.item] : null;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const done = function () { event.preventDefault(); };
  if (event.key === '+' || event.key === '=') { side.zoomBy(1.25); return done(); }
  if (event.key === '-') { side.zoomBy(0.8); return done(); }
  if (event.key === '0' || event.key === 'f') { side.fit(true); return done(); }
  if (!item) return;
  if (event.key === 'Enter' || event.key === ' ') {
    done();
    if (item.children) side.toggle(item);
    select(side, item);
    side.focus(item);
  }
  if (event.key.startsWith('Arrow')) {
    done();
    const next = neighbour(side, item, event.key);
    if (!next) return;
    select(side, next);
    side.focus(next);
    side.show([side.boxOf(next)]);
  }
}
)js";

}  // namespace posy
