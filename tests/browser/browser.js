// What every script of this folder needs: a browser, pages of files in it, and checks that say what was expected.
'use strict';
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { chromium } = require('playwright-core');

const [posy, source, work, executablePath] = process.argv.slice(2);
let failures = 0, checks = 0;

function check(condition, what) {
  ++checks;
  if (condition) return;
  ++failures;
  console.log('FAILED: ' + what);
}

function same(got, wanted, what) {
  const text = JSON.stringify(got), expected = JSON.stringify(wanted);
  check(text === expected, what + ': ' + text + ' in place of ' + expected);
}

// The command in the work folder; it has to succeed.
function run(...words) {
  const done = spawnSync(posy, words, { cwd: work, encoding: 'utf8' });
  if (done.status !== 0) throw new Error('posy ' + words.join(' ') + ': exit code ' + done.status + '\n' + done.stderr);
  return done.stdout;
}

// body(open) opens pages of the work folder: open('page.html', { width, height, dark, touch }). Anything that a page
// reports as an error, and every request that leaves the file, is a failure.
async function inBrowser(body) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const open = async function (file, options = {}) {
    const context = await browser.newContext({
      viewport: { width: options.width || 1300, height: options.height || 850 },
      colorScheme: options.dark ? 'dark' : 'light',
      hasTouch: !!options.touch,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.on('pageerror', function (error) { check(false, file + ': ' + error.message); });
    page.on('console', function (message) { if (message.type() === 'error') check(false, file + ': ' + message.text()); });
    page.on('request', function (request) { check(request.url().startsWith('file:'), file + ' asks for ' + request.url()); });
    await page.goto('file://' + path.resolve(work, file));
    return page;
  };
  try {
    await body(open);
  } catch (error) {
    check(false, error.stack);
  } finally {
    await browser.close();
  }
  console.log(checks - failures + ' of ' + checks + ' checks passed');
  process.exitCode = failures ? 1 : 0;
}

module.exports = { check, same, run, inBrowser, source, work };
