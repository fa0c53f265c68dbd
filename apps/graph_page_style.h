// The style of the page of posy show.
#pragma once

namespace posy {

constexpr const char* kGraphStyle = R"css(
:root {
  --page: #f4f4f0; --paper: #fdfdfb; --ink: #1c1e21; --soft: #5b6068; --line: #dcdcd5; --edge: #9aa0a8; --ground: rgba(60, 70, 90, 0.045);
  --accent: #1f6feb; --linked: #e67700; --linked-fill: #fff1d6; --heat: #e8590c;
  --k0: #1f6feb; --k1: #d9480f; --k2: #9c36b5; --k3: #2b8a3e; --k4: #c2255c; --k5: #0b7285; --k6: #8a6100; --k7: #5c677d; --k8: #adb5bd; --k9: #1c1e21;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121417; --paper: #1b1e23; --ink: #e9e9e4; --soft: #a5abb5; --line: #33373e; --edge: #6d747e; --ground: rgba(190, 205, 235, 0.05);
    --accent: #6ea8fe; --linked: #ffc078; --linked-fill: #40300f; --heat: #ff922b;
    --k0: #6ea8fe; --k1: #ff922b; --k2: #da77f2; --k3: #69db7c; --k4: #ff85a8; --k5: #3bc9db; --k6: #ffd43b; --k7: #adb5bd; --k8: #6d747e; --k9: #e9e9e4;
  }
}
* { box-sizing: border-box; }
html, body { height: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; overflow: hidden; }
#app { display: grid; height: 100vh; height: 100dvh; grid-template: "head head" auto "note note" auto "panes panel" minmax(0, 1fr) / minmax(0, 1fr) 330px; }
header { grid-area: head; display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; padding: 8px 14px; background: var(--paper); border-bottom: 1px solid var(--line); }
h1 { font-size: 16px; margin: 0; flex: 1 1 160px; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; }
button, select, input[type="search"] { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; }
button { cursor: pointer; }
button:hover, select:hover { border-color: var(--soft); }
label { display: inline-flex; align-items: center; gap: 5px; color: var(--soft); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
#find { position: relative; flex: 0 1 300px; min-width: 150px; }
#search { width: 100%; }
#hits { position: absolute; z-index: 9; right: 0; left: 0; min-width: 280px; max-height: 60vh; overflow-y: auto; margin: 4px 0 0; padding: 4px; list-style: none;
  background: var(--paper); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 6px 24px rgba(0, 0, 0, 0.18); }
#hits li { padding: 5px 8px; border-radius: 5px; cursor: pointer; overflow-wrap: anywhere; }
#hits li[aria-selected="true"] { background: var(--ground); box-shadow: inset 3px 0 var(--accent); }
#hits li:hover { background: var(--ground); }
#hits b, .go b { display: block; font-weight: 600; font-size: 12.5px; }
#hits span, .go span { color: var(--soft); font-size: 12.5px; }
#hits small { float: right; color: var(--soft); }
#hits .count { color: var(--soft); cursor: default; font-size: 12.5px; }
#note { grid-area: note; margin: 0; padding: 8px 14px; background: var(--linked-fill); border-bottom: 1px solid var(--line); overflow-wrap: anywhere; max-height: 24vh; overflow-y: auto; }
#tabs { display: none; }
#panes { grid-area: panes; display: flex; min-width: 0; min-height: 0; }
.pane { position: relative; flex: 1 1 0; min-width: 0; min-height: 0; }
.pane + .pane { border-left: 1px solid var(--line); }
.pane h2 { position: absolute; z-index: 1; left: 10px; top: 8px; max-width: calc(100% - 160px); margin: 0; padding: 2px 8px; border-radius: 6px; background: var(--page); font-size: 13px; font-weight: 600;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; pointer-events: none; }
.pane h2 small { color: var(--soft); font-weight: 400; font-size: 12.5px; }
.pane > svg { display: block; width: 100%; height: 100%; touch-action: none; cursor: grab; user-select: none; -webkit-user-select: none; }
.pane > svg:active { cursor: grabbing; }
.zoom { position: absolute; right: 10px; top: 8px; display: flex; gap: 4px; }
.zoom button { min-width: 32px; padding: 3px 8px; }
#panel { grid-area: panel; overflow-y: auto; overscroll-behavior: contain; background: var(--paper); border-left: 1px solid var(--line); padding: 12px 14px 32px; }
#panel .head { position: relative; padding-right: 32px; }
#panel h2 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
#panel h3 { font-size: 13px; margin: 16px 0 4px; overflow-wrap: anywhere; }
#panel .name { margin: 2px 0 0; color: var(--soft); overflow-wrap: anywhere; max-height: 9em; overflow-y: auto; }
.go span, #hits span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
#panel .close { position: absolute; right: 0; top: 0; width: 28px; height: 28px; padding: 0; line-height: 1; font-size: 18px; }
body:not(.chosen) #panel .close { display: none; }
dl { margin: 8px 0 0; }
dl div { display: grid; grid-template-columns: 104px minmax(0, 1fr); gap: 10px; padding: 3px 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: 12.5px; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
#panel ul { list-style: none; margin: 0; padding: 0; }
#panel .plain li { overflow-wrap: anywhere; color: var(--soft); font-size: 12.5px; padding: 2px 0; }
.go { display: block; width: 100%; text-align: left; border: 0; border-bottom: 1px solid var(--line); border-radius: 0; padding: 4px 0; overflow-wrap: anywhere; background: none; }
.go:hover b { color: var(--accent); }
.go small { display: block; color: var(--soft); }
.go.dropped b, #hits .dropped b { color: var(--soft); font-weight: 400; }
.more, .wide { margin-top: 6px; }
.soft, .over { color: var(--soft); margin: 8px 0 0; font-size: 12.5px; overflow-wrap: anywhere; }
details { margin-top: 16px; }
summary { cursor: pointer; font-weight: 600; font-size: 13px; }
figure { margin: 8px 0 0; }
.histogram { display: block; width: 100%; height: 78px; border-bottom: 1px solid var(--soft); }
.histogram rect { fill: var(--accent); }
.histogram .zero { stroke: var(--soft); stroke-dasharray: 3 3; fill: none; }
figcaption { display: flex; justify-content: space-between; gap: 8px; color: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; text-align: center; }
.legend li { display: inline-flex; align-items: center; gap: 6px; margin: 0 14px 2px 0; }
.legend i { width: 10px; height: 14px; border-radius: 3px; }

.ground { fill: var(--ground); stroke: var(--line); }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.edge.control { stroke-dasharray: 4 3; }
.edge.near { stroke: var(--accent); stroke-width: 2.4; }
.tip { fill: var(--edge); }
.box { outline: none; cursor: pointer; }
.box text { font: 11.5px system-ui, sans-serif; fill: var(--soft); pointer-events: none; }
.box .title, .box.open text { font-weight: 600; font-size: 13px; fill: var(--ink); }
.box.open text { paint-order: stroke; stroke: var(--page); stroke-width: 3px; }
.body, .back { fill: var(--paper); stroke: var(--line); stroke-width: 1.2; }
.handle { fill: transparent; }
.heat { fill: var(--heat); fill-opacity: 0; pointer-events: none; }
.by-kind .heat { display: none; }
.pane > svg:not(.by-kind) .line { fill: var(--ink); }
.stripe { fill: var(--k7); pointer-events: none; }
.cluster .body { stroke: var(--soft); }
.toggle .area { fill: transparent; }
.toggle .key { fill: var(--page); stroke: var(--line); }
.toggle path { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.toggle:hover .key { stroke: var(--accent); }
.box:hover .body { stroke: var(--accent); }
.box.dropped { opacity: 0.5; }
.box.dropped .body { stroke-dasharray: 4 3; }
.box.linked .body { fill: var(--linked-fill); stroke: var(--linked); stroke-width: 2.4; }
.box.linked.dropped { opacity: 1; }
.box.sel .body { stroke: var(--accent); stroke-width: 3; }
.box.open.sel .handle { fill: var(--ground); stroke: var(--accent); stroke-width: 2; }
.box:focus-visible .body, .box.open:focus-visible .handle { stroke: var(--accent); stroke-width: 3.5; stroke-dasharray: 7 3; }
i.k0 { background: var(--k0); } i.k1 { background: var(--k1); } i.k2 { background: var(--k2); } i.k3 { background: var(--k3); } i.k4 { background: var(--k4); }
i.k5 { background: var(--k5); } i.k6 { background: var(--k6); } i.k7 { background: var(--k7); } i.k8 { background: var(--k8); } i.k9 { background: var(--k9); }
.k0 .stripe { fill: var(--k0); } .k1 .stripe { fill: var(--k1); } .k2 .stripe { fill: var(--k2); } .k3 .stripe { fill: var(--k3); } .k4 .stripe { fill: var(--k4); }
.k5 .stripe { fill: var(--k5); } .k6 .stripe { fill: var(--k6); } .k7 .stripe { fill: var(--k7); } .k8 .stripe { fill: var(--k8); } .k9 .stripe { fill: var(--k9); }
/* Too small to be read: blocks of colour. */
.far .box text, .far .toggle, .far .back { display: none; }
.far .stripe { stroke: none; transform: scaleX(3); }
.far .edge { marker-end: none; stroke-width: 4; }
[hidden] { display: none !important; }

@media (max-width: 1050px) {
  #app { grid-template-columns: minmax(0, 1fr) 280px; }
  .two .pane h2 span { display: none; }
}
@media (max-width: 760px) {
  #app { grid-template: "head" auto "tabs" auto "note" auto "panes" minmax(0, 1fr) / minmax(0, 1fr); }
  header { padding: 8px 10px; gap: 8px; }
  h1 { flex-basis: 100%; font-size: 15px; }
  #find { flex: 1 1 100%; }
  #search { padding: 7px 10px; font-size: 16px; }
  #tools { gap: 6px; width: 100%; font-size: 13px; }
  #tools label:first-child { flex: 1 1 60px; min-width: 0; font-size: 0; gap: 0; }
  #tools select { flex: 1 1 60px; min-width: 0; font-size: 13px; padding: 6px 4px; }
  #tools button { padding: 6px; }
  #tabs { grid-area: tabs; display: flex; background: var(--paper); border-bottom: 1px solid var(--line); }
  #tabs button { flex: 1; border: 0; border-bottom: 3px solid transparent; border-radius: 0; padding: 8px; }
  #tabs button[aria-selected="true"] { border-bottom-color: var(--accent); font-weight: 600; }
  body:not(.two) #tabs [role="tab"] { display: none; }
  .pane { display: none; border: 0 !important; }
  .pane.active { display: block; }
  .zoom button { min-width: 38px; min-height: 36px; }
  #panel { display: none; position: fixed; z-index: 5; left: 0; right: 0; bottom: 0; max-height: 52vh; border: 0; border-top: 1px solid var(--line); border-radius: 12px 12px 0 0; box-shadow: 0 -6px 24px rgba(0, 0, 0, 0.2); }
  body.chosen #panel, body.about #panel { display: block; }
  body.about #panel .close { display: block !important; }
  #panel .close { width: 36px; height: 36px; }
  .go { padding: 8px 0; }
}
)css";

}  // namespace posy
