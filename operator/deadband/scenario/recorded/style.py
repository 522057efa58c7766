"""How the page looks: on a phone and on a wide screen, light and dark, without a file from anywhere."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6472; --line: #d9dee6; --ground: #ffffff; --card: #f5f7fa;
  --curve: #1f6feb; --was: #9aa4b2; --up: #b3261e; --down: #1a7f4b; --band: #1f6feb1a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #a3adbb; --line: #343c49; --ground: #12161d; --card: #1b212b;
    --curve: #6ea8fe; --was: #6b7685; --up: #ff8a80; --down: #6fd6a0; --band: #6ea8fe22; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; overflow-wrap: anywhere; }
.soft, figcaption, .notes { color: var(--soft); font-size: .9rem; } .notes { padding-left: 1.2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; } td.n { font-variant-numeric: tabular-nums; }
tr:target { background: var(--band); }
figure { margin: 1.2rem 0; } figcaption b { color: var(--ink); }
.key { display: inline-block; width: 1.4em; border-top: 3px solid; vertical-align: middle; margin: 0 .3em 0 .8em; }
.key.was { border-color: var(--was); } .key.sim { border-color: var(--curve); }
.key.at { border-top: 2px dashed var(--up); }
.plot { position: relative; height: 11rem; margin: .4rem 0 0 3rem; border-left: 1px solid var(--line);
  border-bottom: 1px solid var(--line); }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.plot path, .plot line { fill: none; vector-effect: non-scaling-stroke; }
path.was { stroke: var(--was); stroke-width: 1.2; } path.sim { stroke: var(--curve); stroke-width: 1.8; }
rect.band { fill: var(--band); } line.at { stroke-width: 1.2; stroke-dasharray: 5 4; }
line.Up { stroke: var(--up); } line.Down { stroke: var(--down); }
.y { position: absolute; right: 100%; transform: translateY(50%); padding-right: .4rem; font-size: .75rem;
  color: var(--soft); white-space: nowrap; } .y.Up { color: var(--up); } .y.Down { color: var(--down); }
.x { display: flex; justify-content: space-between; margin-left: 3rem; font-size: .75rem; color: var(--soft); }
.mark { position: absolute; width: 1.5rem; height: 1.5rem; margin: 0 0 -.75rem -.75rem; border-radius: 50%; }
.mark::before { content: ""; position: absolute; inset: .45rem; border-radius: 50%; border: 2px solid var(--ground);
  background: var(--down); } .mark.up::before { background: var(--up); }
.mark.proposal::before { border-radius: 0; }
.mark:focus { outline: 2px solid var(--curve); }
.tip { display: none; } .mark:hover, .mark:focus { z-index: 2; }
.mark:hover .tip, .mark:focus .tip { display: block; position: absolute; bottom: 1.6rem;
  width: min(20rem, 70vw); padding: .5rem .7rem; background: var(--card); color: var(--ink); border-radius: .4rem;
  border: 1px solid var(--line); font-size: .85rem; line-height: 1.35; text-align: left; }
.mark.left .tip { left: 0; } .mark.right .tip { right: 0; }
.mark.middle .tip { left: 50%; transform: translateX(-50%); }
a { color: inherit; text-decoration: none; }
"""
