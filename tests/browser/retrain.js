// posy retrain --html: learning curves and the classes' figures.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { check, same, run, inBrowser, source, work } = require('./browser.js');

const colours = { blue: [40, 60, 200], green: [50, 170, 60], red: [200, 50, 40] };
const photosOfClass = 40, side = 16, steps = 30;

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]), ends = Buffer.alloc(8);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

// A square of one colour.
function png(colour) {
  const size = Buffer.alloc(13);
  size.writeUInt32BE(side, 0);
  size.writeUInt32BE(side, 4);
  size.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.from([0].concat(...Array(side).fill(colour)));
  const rows = zlib.deflateSync(Buffer.concat(Array(side).fill(row)));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', size), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

function makePhotos() {
  fs.rmSync(path.join(work, 'photos'), { recursive: true, force: true });
  for (const name of Object.keys(colours)) {
    const folder = path.join(work, 'photos', name);
    fs.mkdirSync(folder, { recursive: true });
    for (let i = 0; i < photosOfClass; ++i) {
      fs.writeFileSync(path.join(folder, i + '.png'), png(colours[name].map(function (part, c) { return part + (i * (c + 3)) % 40; })));
    }
  }
}

// Numbers of points, and whether any lies outside of its chart.
const lines = function (page) {
  return page.locator('.charts figure > svg').evaluateAll(function (charts) {
    return charts.map(function (chart) {
      const box = chart.viewBox.baseVal;
      return Array.from(chart.querySelectorAll('polyline')).map(function (line) {
        const points = Array.from(line.points);
        const inside = points.every(function (p) { return p.x >= 0 && p.x <= box.width && p.y >= 0 && p.y <= box.height; });
        const forward = points.every(function (p, i) { return i === 0 || p.x > points[i - 1].x; });
        return { points: points.length, inside, forward };
      });
    });
  });
};

async function curves(page, points) {
  const line = { points, inside: true, forward: true };
  same(await lines(page), [[line, line], [line, line]], 'two charts with two lines each');
  const names = await page.locator('.charts figure > svg').evaluateAll(function (charts) { return charts.map(function (c) { return c.getAttribute('aria-label'); }); });
  check(/^Accuracy: training ends at [\d.]+ ?%, validation at [\d.]+ ?%$/.test(names[0]), 'the first says where accuracy ends: ' + names[0]);
  check(/^Cross entropy: training ends at [\d.]+, validation at [\d.]+$/.test(names[1]), 'the second where cross entropy does: ' + names[1]);
  const strokes = await page.locator('.charts figure').first().locator('polyline').evaluateAll(function (all) { return all.map(function (l) { return getComputedStyle(l).stroke; }); });
  check(strokes[0] !== strokes[1], 'lines are told apart by colour');
}

async function classes(page, report) {
  const rows = await page.locator('table tbody tr').evaluateAll(function (all) { return all.map(function (row) { return Array.from(row.cells, function (c) { return c.textContent; }); }); });
  same(rows.map(function (row) { return row[0]; }), Object.keys(colours), 'a row for each class');
  const sum = function (at) { return rows.reduce(function (all, row) { return all + Number(row[at]); }, 0); };
  same(sum(1), report.testing.photos, 'testing photos add up');
  same(sum(2), Math.round(report.testing.accuracy * report.testing.photos), 'right ones, too');
}

const brightness = function (page) {
  return page.evaluate(function () { return getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce(function (sum, part) { return sum + Number(part); }, 0); });
};

inBrowser(async function (open) {
  makePhotos();
  const base = source + '/models/flowers_mobilenet_v1_0.25_128.pb';
  const words = ['retrain', base, 'photos', '--json', '--bottleneck-dir', 'bottlenecks', '-o'];
  const descended = JSON.parse(run(...words, 'steps.posy', '--steps', String(steps), '--html', 'steps.html'));
  const solved = JSON.parse(run(...words, 'solved.posy', '--html', 'solved.html'));
  const page = await open('steps.html');
  await curves(page, steps);
  await classes(page, descended);
  check(await brightness(page) > 700, 'a light page');
  const other = await open('solved.html');
  await curves(other, Number(await other.locator('.charts text').last().innerHTML()));
  await classes(other, solved);
  for (const dark of [false, true]) {
    const phone = await open('steps.html', { width: 390, height: 844, touch: true, dark });
    same(await phone.evaluate(function () { return document.documentElement.scrollWidth; }), 390, 'a phone scrolls nothing sideways');
    const tops = await phone.locator('.charts figure').evaluateAll(function (all) { return all.map(function (f) { return f.getBoundingClientRect().top; }); });
    check(tops[1] > tops[0] + 100, 'charts stand below each other');
    same(await brightness(phone) < 120, dark, 'dark only where that is preferred');
  }
});
