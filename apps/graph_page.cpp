#include "apps/graph_page.h"

#include "apps/graph_page_input.h"
#include "apps/graph_page_layout.h"
#include "apps/graph_page_panel.h"
#include "apps/graph_page_style.h"
#include "apps/graph_page_view.h"
#include "apps/page.h"

namespace posy {
namespace {

// JSON inside of a page: nothing in it may look like markup. Outside of strings these characters do not occur.
std::string script_json(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else if (c == '>') {
      safe += "\\u003e";
    } else if (c == '&') {
      safe += "\\u0026";
    } else {
      safe += c;
    }
  }
  return safe;
}

Json json_of_side(const GraphPage::Side& side) {
  if (side.nodes.is_null()) return {};
  Json facts = Json::array();
  for (const auto& [name, value] : side.facts) facts.push_back({name, value});
  return {{"title", side.title}, {"facts", facts}, {"nodes", side.nodes}};
}

constexpr const char* kBody = R"html(
<div id="app">
<header>
<h1></h1>
<div id="find" role="search"><input id="search" type="search" placeholder="Find a node  ( / )" aria-label="Find a node" autocomplete="off" spellcheck="false" role="combobox" aria-expanded="false" aria-controls="hits"><ul id="hits" role="listbox" aria-label="Nodes found" hidden></ul></div>
<div id="tools">
<label>Colour <select id="colour" aria-label="What colours say"></select></label>
<label><input id="constants" type="checkbox"> constants</label>
<label><input id="unneeded" type="checkbox"> not needed</label>
<button id="open-all" type="button">Expand all</button>
<button id="close-all" type="button">Collapse all</button>
</div>
</header>
<div id="tabs" role="tablist" aria-label="Graphs"></div>
<p id="note" role="note" hidden></p>
<main id="panes"></main>
<aside id="panel" aria-label="Details" tabindex="-1"></aside>
</div>
<svg id="icons" width="0" height="0" aria-hidden="true"></svg>
<noscript><p>This page draws its graph with a script, which the browser does not run. posy info prints the ops as text.</p></noscript>
)html";

}  // namespace

std::string html_of(const GraphPage& page) {
  Json data = {{"title", page.title},
               {"note", page.note},
               {"times", page.times_from},
               {"graph", json_of_side(page.graph)},
               {"model", json_of_side(page.model)}};
  return page_head(page.title + ": posy show", kGraphStyle) + "<body>" + kBody +
         "<script id=\"data\" type=\"application/json\">" + script_json(data) + "</script>\n<script>\n" +
         kGraphLayoutScript + "</script>\n<script>\n" + kGraphViewScript + "</script>\n<script>\n" + kGraphInputScript +
         "</script>\n<script>\n" + kGraphPanelScript + "</script>\n</body>\n</html>\n";
}

}  // namespace posy
