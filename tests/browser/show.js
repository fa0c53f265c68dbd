// posy show: pictures of graphs, their search, panel and keys.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { check, same, run, inBrowser, source, work } = require('./browser.js');

const graph = source + '/models/flowers_mobilenet_v1_0.25_128.pb';
const box = function (side, name) { return '#pane-' + side + ' .box[aria-label^="' + name + '"]'; };
const text = function (page, selector) { return page.locator(selector).first().innerText(); };
const count = function (page, selector) { return page.locator(selector).count(); };
const scale = function (page, side) {
  return page.evaluate(function (id) {
    return Number(/scale\(([\d.]+)\)/.exec(document.querySelector('#pane-' + id + ' .all').getAttribute('transform'))[1]);
  }, side);
};
// Boxes that cover each other without one being in the other, and lines of text that reach out of their box.
const flaws = async function (page) {
  for (const pane of await page.locator('.pane').all()) await pane.locator('.zoom button').nth(2).click();
  return page.evaluate(function () {
    const found = [];
    for (const svg of document.querySelectorAll('.pane > svg')) svg.classList.remove('far');
    for (const pane of document.querySelectorAll('.pane')) {
      const boxes = Array.from(pane.querySelectorAll('.box:not(.open)')).map(function (g) {
        const r = g.querySelector('.body').getBoundingClientRect();
        for (const line of g.querySelectorAll('text')) {
          const t = line.getBoundingClientRect();
          if (t.width > 0 && (t.right > r.right + 1 || t.left < r.left - 1 || t.bottom > r.bottom + 1)) found.push('text of ' + g.getAttribute('aria-label'));
        }
        return [r, g];
      });
      boxes.sort(function (a, b) { return a[0].top - b[0].top; });
      for (let i = 0; i < boxes.length; ++i) for (let j = i + 1; j < boxes.length && boxes[j][0].top < boxes[i][0].bottom - 1; ++j) {
        const [a, b] = [boxes[i][0], boxes[j][0]];
        if (a.left < b.right - 1 && b.left < a.right - 1) found.push(boxes[i][1].getAttribute('aria-label') + ' and ' + boxes[j][1].getAttribute('aria-label'));
      }
    }
    return found;
  });
};

async function clusters(page) {
  const cluster = page.locator(box('graph', 'Conv2d_1_depthwise,'));
  same(await cluster.getAttribute('aria-expanded'), 'false', 'a cluster of a large graph begins closed');
  const before = await count(page, '#pane-graph .box');
  await cluster.locator('.toggle .key').click();
  same(await page.locator(box('graph', 'Conv2d_1_depthwise, open')).getAttribute('aria-expanded'), 'true', 'its button opens it');
  check(await count(page, '#pane-graph .box') > before, 'its nodes appear');
  check((await text(page, '#panel h2')).startsWith('Conv2d_1_depthwise'), 'the panel is about the cluster');
  await page.locator(box('graph', 'Conv2d_1_depthwise, open') + ' .toggle .key').click();
  same(await count(page, '#pane-graph .box'), before, 'and closes it');
  await page.locator(box('graph', 'Conv2d_1_depthwise,')).dblclick({ position: { x: 10, y: 20 } });
  check(await count(page, '#pane-graph .box') > before, 'a double click opens it, too');
  await page.locator(box('graph', 'DepthwiseConv2dNative')).click();
  same(await text(page, '#panel h2'), 'DepthwiseConv2dNative', 'a click on a node shows it in the panel');
  same(await count(page, '#pane-model .box.linked'), 1, 'and the op that it has become');
  check((await page.locator('#pane-model .box.linked').getAttribute('aria-label')).startsWith('depthwise_conv_2d 3x3 relu6'), 'which is the first depthwise convolution');
  await page.locator('#close-all').click();
  check(await count(page, '#pane-graph .box') < before, 'Collapse all closes them');
  await page.locator('#open-all').click();
  same(await count(page, '#pane-model .box.leaf'), 31, 'Expand all shows every op and the input');
  same(await flaws(page), [], 'nothing covers anything');
  await page.locator('#constants').check();
  same(await count(page, '#pane-graph .box.leaf'), 560, 'with constants, every node of the graph');
  same(await flaws(page), [], 'nothing covers anything, with constants');
  await page.locator('#constants').uncheck();
}

async function search(page) {
  await page.locator('#close-all').click();
  await page.keyboard.press('/');
  await page.keyboard.type('conv2d_13_pointwise conv2d');
  check(await count(page, '#hits li') >= 2, 'the search finds nodes');
  await page.keyboard.press('Enter');
  same(await count(page, '.box.sel'), 1, 'Enter chooses the first');
  check((await text(page, '#panel .name')).includes('Conv2d_13_pointwise'), 'the panel names it');
  const seen = await page.evaluate(function () {
    const b = document.querySelector('.box.sel').getBoundingClientRect(), p = document.querySelector('.box.sel').closest('svg').getBoundingClientRect();
    return b.left >= p.left && b.right <= p.right && b.top >= p.top && b.bottom <= p.bottom;
  });
  check(seen, 'it is in sight');
  await page.keyboard.press('/');
  await page.keyboard.type('weights_quant no such node');
  same(await text(page, '#hits'), 'Nothing has this name', 'what is not there is not found');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('conv2d_0/weights');
  await page.keyboard.press('Enter');
  check(await page.locator('#constants').isChecked(), 'a constant that is found is shown');
  check((await text(page, '#panel dl')).includes('float [3,3,3,8]'), 'with its type and shape');
  same(await count(page, '#panel .histogram'), 1, 'and a histogram');
}

async function panel(page) {
  await page.locator('#open-all').click();
  await page.locator(box('model', 'conv_2d 3x3 /2 relu6')).first().click();
  const facts = await text(page, '#panel dl');
  for (const part of ['64 \u00d7 64 \u00d7 8', 'multiply-adds', 'bytes of weights', 'time', 'relu6']) {
    check(facts.includes(part), 'the panel has ' + part);
  }
  same(await count(page, '#panel .histogram'), 1, 'and a histogram of the weights');
  check((await text(page, '#panel')).includes('Made from ('), 'and what the op was made from');
  const linked = await count(page, '#pane-graph .box.linked');
  check(linked >= 1, 'which lights up in the graph');
  await page.locator('#panel .go', { hasText: /^Conv2D/ }).first().click();
  check(/Conv2d_0\/convolution$/.test((await text(page, '#panel .name')).replace(/\s/g, '')), 'a link leads to it');
  same(await page.evaluate(function () { return document.querySelector('.box.sel').closest('.pane').id; }), 'pane-graph', 'on its own side');
  await page.keyboard.press('Escape');
  same(await count(page, '.box.sel'), 0, 'Escape chooses nothing');
  same(await text(page, '#panel h2'), 'About', 'the panel says what there is');
}

async function moving(page) {
  const before = await scale(page, 'model');
  await page.locator('#pane-model .zoom button').nth(0).click();
  check(await scale(page, 'model') > before, '+ makes it larger');
  await page.locator('#pane-model .zoom button').nth(1).click();
  check(Math.abs(await scale(page, 'model') - before) < 0.01, '\u2212 smaller again');
  await page.mouse.move(800, 500);
  await page.mouse.wheel(0, -240);
  await page.waitForFunction(function (k) { return Number(/scale\(([\d.]+)\)/.exec(document.querySelector('#pane-model .all').getAttribute('transform'))[1]) > k; }, before);
  await page.locator('#pane-model .zoom button').nth(2).click();
  const all = await page.evaluate(function () {
    const a = document.querySelector('#pane-model .all').getBoundingClientRect(), p = document.querySelector('#pane-model svg').getBoundingClientRect();
    return a.height <= p.height && a.width <= p.width && a.top >= p.top - 1 && a.bottom <= p.bottom + 1;
  });
  check(all, 'Fit shows all of it');
  const place = function () { return page.locator('#pane-model .all').getAttribute('transform'); };
  const at = await place();
  await page.mouse.move(620, 700);
  await page.mouse.down();
  await page.mouse.move(660, 730, { steps: 4 });
  await page.mouse.up();
  check(await place() !== at, 'dragging moves it');
}

async function keys(page) {
  await page.locator('#close-all').click();
  await page.locator('#pane-model .box[tabindex="0"]').focus();
  await page.keyboard.press('Enter');
  same(await count(page, '.box.sel'), 1, 'Enter chooses the box that has the focus');
  const first = await page.locator('.box.sel').getAttribute('aria-label');
  await page.keyboard.press('ArrowDown');
  const second = await page.locator('.box.sel').getAttribute('aria-label');
  check(first !== second, 'the arrow down goes along an edge');
  await page.keyboard.press('ArrowUp');
  same(await page.locator('.box.sel').getAttribute('aria-label'), first, 'and up, back again');
  same(await page.evaluate(function () { return document.activeElement.classList.contains('sel'); }), true, 'the focus goes with it');
}

async function colours(page) {
  await page.locator('#colour').selectOption('time');
  const heats = await page.evaluate(function () {
    return Array.from(document.querySelectorAll('#pane-model .heat')).map(function (h) { return Number(h.style.fillOpacity); });
  });
  check(Math.max(...heats) > 0.6 && Math.min(...heats) < 0.2, 'colours tell slow ops from fast ones');
  await page.locator('#colour').selectOption('kind');
}

async function phone(open) {
  const page = await open('page.html', { width: 390, height: 844, touch: true, dark: true });
  same(await page.evaluate(function () { return document.documentElement.scrollWidth; }), 390, 'a phone scrolls nothing sideways');
  same(await count(page, '.pane:visible'), 1, 'one picture at a time');
  await page.locator('#tabs [role="tab"]').first().tap();
  check(await page.locator('#pane-graph').isVisible(), 'tabs change it');
  await page.locator('#pane-graph .box.leaf').first().tap();
  check(await page.locator('#panel').isVisible(), 'a node opens the panel');
  const covered = await page.evaluate(function () {
    return document.querySelector('.box.sel').getBoundingClientRect().bottom > document.getElementById('panel').getBoundingClientRect().top;
  });
  check(!covered, 'the panel does not cover it');
  await page.locator('#panel .close').tap();
  check(!await page.locator('#panel').isVisible(), 'and closes');
  const before = await scale(page, 'graph'), fingers = await page.context().newCDPSession(page);
  const touch = function (type, points) {
    return fingers.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(function (x, id) { return { x, y: 500, id }; }) });
  };
  await touch('touchStart', [180, 210]);
  for (let d = 10; d <= 60; d += 10) await touch('touchMove', [180 - d, 210 + d]);
  await touch('touchEnd', []);
  const after = await scale(page, 'graph');
  check(after > 2 * before && after < 8 * before, 'two fingers make it larger: ' + before + ' to ' + after);
  await page.locator('#tabs .about').tap();
  check((await text(page, '#panel')).includes('multiply-adds'), 'About tells what the model is');
}

// Names and edges that no sane graph has, and none that converts.
async function oddities(open) {
  const long = 'x'.repeat(3000), markup = '<b>&amp;"\'</b>', deep = Array.from({ length: 200 }, function (_, i) { return 's' + i; }).join('/');
  const nodes = [['in', 'Placeholder', []], [long, 'Relu', ['in']], [markup, 'FancyOp', [long]], [deep + '/node', 'Relu', [markup]],
    ['/lead//double/', 'Relu', [deep + '/node']], ['__proto__/constructor', 'Relu', ['/lead//double/']],
    ['loop/a', 'Merge', ['__proto__/constructor', 'loop/b']], ['loop/b', 'NextIteration', ['loop/a']],
    ['a/one', 'Relu', ['loop/b']], ['b/one', 'Relu', ['a/one']], ['a/two', 'Relu', ['b/one']], ['b/two', 'FancyOp', ['a/two', '^in']]];
  const quoted = function (text) { return '"' + text.replace(/["\\]/g, '\\$&') + '"'; };
  fs.writeFileSync(path.join(work, 'odd.pbtxt'), nodes.map(function (node) {
    return 'node { name: ' + quoted(node[0]) + ' op: "' + node[1] + '"' + node[2].map(function (from) { return ' input: ' + quoted(from); }).join('') + ' }\n';
  }).join(''));
  run('show', 'odd.pbtxt', '-o', 'odd.html');
  const page = await open('odd.html');
  check(await page.locator('#note').isVisible(), 'a graph that does not convert says why');
  same(await count(page, '.pane'), 1, 'and is alone');
  await page.locator('#open-all').click();
  same(await count(page, '.box.leaf'), nodes.length, 'all of its nodes are there');
  same(await flaws(page), [], 'nothing covers anything, whatever the names');
  await page.locator('#search').fill(markup);
  await page.keyboard.press('Enter');
  same(await page.locator('#panel .name').textContent(), markup, 'a name with markup is text');
  await page.locator('#search').fill('xxx');
  await page.keyboard.press('Enter');
  same(await page.locator('#panel .name').textContent(), long, 'a long name stands in the panel in full');
  same(await page.evaluate(function () { return document.documentElement.scrollWidth <= innerWidth && document.getElementById('panel').scrollWidth <= document.getElementById('panel').clientWidth; }), true, 'and breaks');
}

inBrowser(async function (open) {
  run('show', graph, '--measure', '-o', 'page.html');
  const page = await open('page.html');
  await clusters(page);
  await search(page);
  await panel(page);
  await moving(page);
  await keys(page);
  await colours(page);
  await phone(open);
  await oddities(open);
});
