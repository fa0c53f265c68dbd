// posy eval --html: its matrix, tables, chart and photos.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { check, same, run, inBrowser, source, work } = require('./browser.js');

// What the model calls by its name, put into folders of other names as well: folder, picture, how many.
const photos = [['daisy', 'daisy_128x128', 4], ['daisy', 'sunflower_200x150', 1], ['sunflowers', 'sunflower_200x150', 3],
  ['tulips', 'tulip_97x301', 2], ['roses', 'daisy_128x128', 2], ['roses', 'sunflower_200x150', 1]];
const classes = ['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips'];

function makePhotos() {
  fs.rmSync(path.join(work, 'photos'), { recursive: true, force: true });
  for (const [folder, picture, times] of photos) {
    fs.mkdirSync(path.join(work, 'photos', folder), { recursive: true });
    for (let i = 0; i < times; ++i) {
      fs.copyFileSync(source + '/tests/data/golden_default_model/' + picture + '.png', path.join(work, 'photos', folder, picture + i + '.png'));
    }
  }
}

const cell = function (page, truth, predicted) {
  return page.locator('#matrix button[data-truth="' + classes.indexOf(truth) + '"][data-predicted="' + classes.indexOf(predicted) + '"]');
};
const column = function (page, at) {
  return page.locator('#classes tbody tr').evaluateAll(function (rows, i) { return rows.map(function (row) { return row.cells[i].textContent; }); }, at);
};
const shown = function (page) { return page.locator('#wrong .photos li:visible').count(); };

async function matrix(page) {
  for (const [truth, predicted, count] of [['daisy', 'daisy', '4'], ['daisy', 'sunflowers', '1'], ['roses', 'daisy', '2'], ['tulips', 'tulips', '2']]) {
    same(await cell(page, truth, predicted).innerText(), count, truth + ' taken for ' + predicted);
  }
  await cell(page, 'tulips', 'tulips').hover();
  same(await page.locator('#cell-text').innerText(), '2 of 2 photos of tulips recognised (100.0%)', 'a sentence says what a cell counts');
  same(await page.locator('#matrix th.on').allInnerTexts(), ['tulips', 'tulips'], 'its row and column stand out');
  const stops = await page.locator('#matrix button[tabindex="0"]').count();
  same(stops, 1, 'the matrix is one stop of the tab key');
  await page.locator('#matrix button[tabindex="0"]').focus();
  for (const key of ['ArrowLeft', 'ArrowUp', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  check((await page.locator('#cell-text').innerText()).startsWith('2 of 3 photos of roses taken for daisy'), 'arrow keys go from cell to cell, and not out of it');
}

async function pictures(page) {
  same(await shown(page), 4, 'all photos that were taken for another class');
  const loaded = await page.locator('#wrong .photos img').evaluateAll(function (images) {
    return Promise.all(images.map(function (image) { image.loading = 'eager'; return image.decode().then(function () { return image.naturalWidth > 0; }); }));
  });
  same(loaded, [true, true, true, true], 'their pictures are in the page');
  await page.keyboard.press('Enter');
  same(await shown(page), 2, 'Enter on a cell shows its photos');
  same(await page.locator('#wrong-count').innerText(), '2 of the 4 photos on this page', 'and says how many');
  same(await page.locator('#matrix .chosen').count(), 1, 'the cell is marked');
  await page.locator('#filter-predicted').selectOption({ label: 'sunflowers' });
  same(await shown(page), 1, 'so does a choice in a list');
  await page.locator('#filter-none').click();
  same(await shown(page), 4, 'show all shows all');
  await cell(page, 'daisy', 'sunflowers').click();
  same(await page.locator('#wrong .photos li:visible').innerText().then(function (text) { return /is daisy/.test(text); }), true, 'a click shows what it is');
  await cell(page, 'daisy', 'daisy').click();
  same(await shown(page), 1, 'a cell of right photos leaves them as they were');
  await page.locator('#filter-none').click();
}

async function tables(page) {
  const head = page.locator('#classes thead th');
  same(await column(page, 1), ['5', '0', '3', '3', '2'], 'the table begins in the order of the labels');
  await head.nth(1).locator('button').click();
  same(await column(page, 1), ['5', '3', '3', '2', '0'], 'a click sorts numbers, the greatest first');
  same(await head.nth(1).getAttribute('aria-sort'), 'descending', 'and says so');
  await head.nth(1).locator('button').focus();
  await page.keyboard.press('Enter');
  same(await column(page, 1), ['0', '2', '3', '3', '5'], 'once more, by the keyboard, the least first');
  await head.nth(0).locator('button').click();
  same(await column(page, 0), classes, 'names sort from A');
  same(await page.locator('#classes [aria-sort]').count(), 1, 'one column is the one sorted by');
  same((await column(page, 4))[2], '0.000', 'no rose was recognised');
}

async function calibration(page) {
  const counts = await page.locator('#calibration g title').evaluateAll(function (titles) {
    return titles.map(function (title) { return Number(/: (\d+) photo/.exec(title.textContent)[1]); });
  });
  same(counts.reduce(function (a, b) { return a + b; }, 0), 13, 'the bars of the calibration count every photo');
  same(await page.locator('#calibration rect.bin').count(), counts.length, 'a bar for each');
  await page.locator('summary').click();
  same(await page.locator('details tbody tr:visible').count(), 10, 'the same numbers open as a table');
}

// On a phone nothing makes the page itself scroll sideways, before and after photos are chosen.
async function phone(open, dark) {
  const page = await open('page.html', { width: 390, height: 844, touch: true, dark });
  const width = function () { return page.evaluate(function () { return document.documentElement.scrollWidth; }); };
  same(await width(), 390, 'a phone scrolls nothing sideways');
  await cell(page, 'roses', 'daisy').tap();
  same(await shown(page), 2, 'a tap on a cell shows its photos');
  same(await width(), 390, 'and still nothing');
  return page;
}

const colours = function (page) {
  return page.evaluate(function () {
    return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].map(function (colour) {
      return colour.match(/\d+/g).slice(0, 3).reduce(function (sum, part) { return sum + Number(part); }, 0);
    });
  });
};

inBrowser(async function (open) {
  makePhotos();
  run('eval', source + '/models/flowers_mobilenet_v1_0.25_128.pb', 'photos', '--html', 'page.html');
  const page = await open('page.html');
  check((await page.locator('#facts').innerText()).includes('69.23%'), '9 of 13 are right');
  await matrix(page);
  await pictures(page);
  await tables(page);
  await calibration(page);
  const [paper, ink] = await colours(page);
  check(paper > 700 && ink < 120, 'dark on light');
  const [night, chalk] = await colours(await phone(open, true));
  check(night < 120 && chalk > 600, 'light on dark, where that is preferred');
  await phone(open, false);
});
