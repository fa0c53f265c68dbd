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

// A page of its own, which needs no network. `title` is text, the others are HTML and CSS.
std::string html_page(const std::string& title, const std::string& style, const std::string& body);

}  // namespace posy
