// What pages have in common: colours for light and dark, type, tables, room for phones.
#pragma once
#include <string>

namespace posy {

constexpr const char* kPageStyle = R"css(
:root { --page: #fcfcfa; --ink: #1c1e21; --soft: #5b6068; --line: #e0e0da; --one: #1f6feb; --two: #d9480f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181c; --ink: #e9e9e4; --soft: #a5abb5; --line: #33373e; --one: #6ea8fe; --two: #ff922b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 6px 0; max-width: 75ch; overflow-wrap: anywhere; }
p, small, figcaption, dt { color: var(--soft); }
small, figcaption, dt { font-size: 12.5px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px 16px; margin: 14px 0 0; }
dd { margin: 0; font-size: 20px; overflow-wrap: anywhere; }
dd small { display: block; }
figure { margin: 0; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { font-weight: 400; text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: 12.5px; vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; }
)css";

// Columns of tables that are of class "sorts", or in something that is, sort on a click, numbers the greatest first;
// once more, the other way round. A cell is compared by its data-value, else by its text.
constexpr const char* kSortScript = R"js(
(function () {
  'use strict';
  document.querySelectorAll('table.sorts, .sorts table').forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells), lines = Array.from(table.tBodies[0].rows);
    heads.forEach(function (head, column) {
      if (!head.textContent) return;
      var button = document.createElement('button');
      button.textContent = head.textContent;
      head.textContent = '';
      head.appendChild(button);
      var sign = 1;
      button.addEventListener('click', function () {
        var key = function (row) {
          var cell = row.cells[column];
          return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
        };
        var numbers = lines.length && typeof key(lines[0]) === 'number';
        lines.sort(function (a, b) {
          return sign * (numbers ? key(b) - key(a) : key(a).localeCompare(key(b)));
        });
        heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', (sign > 0) === Boolean(numbers) ? 'descending' : 'ascending');
        sign = -sign;
        lines.forEach(function (row) { row.parentNode.appendChild(row); });
      });
    });
  });
})();
)js";

// From <!DOCTYPE> to </head>. `title` is text.
std::string page_head(const std::string& title, const std::string& style);

// A page of its own, which needs no network, in kPageStyle. `title` is text, the others are CSS and HTML.
std::string html_page(const std::string& title, const std::string& style, const std::string& body);

// Texts in pages.
std::string html_text(const std::string& text);               // with entities for what is markup
std::string breakable(const std::string& name);               // the same; lines may break behind a slash of a long name
std::string percent_text(double fraction, int decimals = 1);  // "12.3%"
std::string short_number(double x);                           // three significant digits, no exponent
std::string file_name(const std::string& path);               // what follows the last slash

}  // namespace posy
