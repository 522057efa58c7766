"""How the page looks: on a phone and on a wide screen, light and dark, without a file from anywhere.

Text stands out from what is behind it by at least 4.5 to 1, lines and marks by 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11): a
test computes it. Up and down differ by shape, too.
"""

STYLE = """
:root { color-scheme: light dark; --ink: #16202e; --soft: #55626f; --line: #dfe4eb; --ground: #ffffff;
  --card: #f5f7fa; --was: #7b8794; --up: #b3470b; --down: #0b7261; --c0: #1c62d6; --c1: #a02f8d; --c2: #7d6400;
  --c3: #5b4bc4; --c4: #b02a4c; --curve: var(--c0); --shade: 12%; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf2; --soft: #a6b1bf; --line: #2a333f; --ground: #10151c; --card: #1a212b; --was: #8995a4;
    --up: #ffa061; --down: #57cdb0; --c0: #78aefb; --c1: #ec92d9; --c2: #dcbf52; --c3: #b0a5ff; --c4: #ff93a9;
    --shade: 18%; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 6rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .6rem; }
h3 { font-size: .85rem; margin: 1.2rem 0 .2rem; color: var(--soft); }
a { color: inherit; text-decoration: none; } a:hover { text-decoration: underline; }
small, .soft, .notes, .none, footer { color: var(--soft); font-size: .875rem; font-weight: 400; } .soft { margin: 0; }
.kicker { margin: 0; color: var(--c0); font-size: .8rem; font-weight: 600; letter-spacing: .04em; }
.p0 { --curve: var(--c0); } .p1 { --curve: var(--c1); } .p2 { --curve: var(--c2); } .p3 { --curve: var(--c3); }
.p4 { --curve: var(--c4); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem;
  margin: 1.5rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--curve);
  border-radius: .5rem; padding: .9rem 1rem; } .card h2 { font-size: 1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem 1.2rem; margin: 0; }
dt { color: var(--soft); font-size: .8rem; } dd { margin: 0; font-size: 1.35rem; font-weight: 600; line-height: 1.3;
  font-variant-numeric: tabular-nums; } dd small { display: block; font-size: .8rem; line-height: 1.35; }
section { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
.notes { margin: 0 0 1rem; padding-left: 1.1rem; }
figure { margin: 1.6rem 0; }
figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .85rem; color: var(--soft); }
.name b { color: var(--ink); font-size: .95rem; }
.key::before { content: ""; display: inline-block; width: 1.3em; height: 0; margin-right: .4em; vertical-align: middle;
  border-top: 3px solid var(--curve); } .key.was::before { border-color: var(--was); }
.key.at::before { border-top: 2px dashed var(--up); }
.key.gap::before { height: .8em; border: 0; background: var(--was); opacity: .3; }
.key.up::before, .key.down::before, .key.proposal::before { width: .75em; height: .75em; border: 0;
  background: var(--up); clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.key.down::before { background: var(--down); clip-path: polygon(0 0, 100% 0, 50% 100%); }
.key.proposal::before { background: var(--ink); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.plot { position: relative; height: 11rem; margin: .5rem 0 0 3.6rem; border-bottom: 1px solid var(--was); }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.plot path, .plot line { fill: none; stroke: var(--curve); stroke-width: 1.8; stroke-linejoin: round;
  vector-effect: non-scaling-stroke; }
.plot path.was { stroke: var(--was); stroke-width: 1.3; } .plot path.grid { stroke: var(--line); stroke-width: 1; }
.plot path.all { fill: var(--curve); stroke: none; opacity: .28; } .plot path.was.all { fill: var(--was); }
.plot path.gap { fill: var(--was); stroke: none; opacity: .22; }
.plot path.when { stroke-width: 1; opacity: .35; } .plot path.when.up, .plot line.up { stroke: var(--up); }
.plot path.when.down, .plot line.down { stroke: var(--down); }
.plot rect.band { fill: color-mix(in srgb, var(--curve) var(--shade), transparent); }
.plot line { stroke-width: 1.3; stroke-dasharray: 5 4; }
.y { position: absolute; right: 100%; transform: translateY(50%); padding-right: .5rem; font-size: .75rem;
  line-height: 1.1; color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums; }
.y.up { color: var(--up); font-weight: 600; } .y.down { color: var(--down); font-weight: 600; }
.x { position: relative; height: 1.3rem; margin-left: 3.6rem; font-size: .75rem; color: var(--soft); }
.x span { position: absolute; top: .15rem; white-space: nowrap; } .x .middle { transform: translateX(-50%); }
.x .right { transform: translateX(-100%); }
.mark { position: absolute; left: calc(100% * var(--at)); width: 1.5rem; height: 1.5rem; margin: 0 0 -.75rem -.75rem; }
.mark::before { content: ""; position: absolute; inset: .4rem; background: var(--up);
  clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.mark.down::before { background: var(--down); clip-path: polygon(0 0, 100% 0, 50% 100%); }
.mark.proposal::before { background: var(--ink); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
.mark:focus { outline: 2px solid var(--curve); border-radius: 50%; }
.mark:hover, .mark:focus, .mark:target { z-index: 2; } .mark:hover { z-index: 3; text-decoration: none; }
.tip { display: none; } .mark:hover .tip, .mark:focus .tip, .mark:target .tip { display: block; position: absolute;
  bottom: 1.7rem; left: 50%; transform: translateX(calc(-100% * var(--at))); width: min(20rem, 68vw);
  padding: .6rem .75rem; background: var(--card); color: var(--ink); border: 1px solid var(--was);
  border-radius: .4rem; box-shadow: 0 .2rem .8rem #0004; font-size: .85rem; line-height: 1.4; }
table { border-collapse: collapse; font-size: .9rem; margin: 1.6rem 0; }
caption { text-align: left; font-weight: 600; font-size: .95rem; padding-bottom: .3rem; }
th, td { text-align: left; padding: .35rem 1.5rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline; font-variant-numeric: tabular-nums; } th { font-weight: 600; }
tr:first-of-type th { color: var(--soft); font-weight: 400; font-size: .8rem; }
summary { cursor: pointer; font-weight: 600; font-size: .95rem; }
ol { list-style: none; margin: 0; padding: 0; }
li:target { background: color-mix(in srgb, var(--curve) var(--shade), transparent); }
ol li { display: grid; grid-template-columns: 5.2rem 9.5rem 1fr; gap: 0 1rem; align-items: baseline;
  padding: .4rem .3rem; border-bottom: 1px solid var(--line); font-size: .9rem; font-variant-numeric: tabular-nums; }
ol time { color: var(--soft); } ol p { grid-column: 3; margin: 0; } ol span { grid-column: 3; color: var(--soft);
  font-size: .8rem; grid-row: 2; }
ol b::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .5em;
  background: var(--up); clip-path: polygon(50% 0, 100% 100%, 0 100%); }
ol b.down::before { background: var(--down); clip-path: polygon(0 0, 100% 0, 50% 100%); }
ol b.proposal::before { background: var(--ink); clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%); }
footer { margin-top: 3rem; }
@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr 1fr; }
  .plot { height: 9rem; margin-left: 3.2rem; } .x { margin-left: 3.2rem; } .x .more { display: none; }
  .mark::before { inset: .5rem; } .plot path.when { opacity: .2; } th, td { padding-right: .8rem; }
  ol li { grid-template-columns: 5.2rem auto 1fr; } ol span { grid-column: 3; grid-row: 1; }
  ol p { grid-column: 1 / -1; } }
"""
