//! How the page looks: one column, light or dark as the reader's system is, readable on a phone and on paper.

/// The style sheet.
pub(crate) const CSS: &str = "
:root { color-scheme: light dark; --ink: #22262e; --soft: #59616f; --line: #d9dee7; --panel: #f5f7fa; --link: #00589a;
  --paper: #fff; --note: #fff6e0; --note-line: #e6c067; --red: #c81414; --blue: #1440e0; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e3e6eb; --soft: #a7afbb; --line: #3a404a; --panel: #1f2329;
  --link: #78b4f0; --paper: #16191d; --note: #3a3010; --note-line: #a8862c; --red: #ff7a70; --blue: #8aa4ff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.45rem; margin: 3rem 0 .4rem; padding-top: 1rem; border-top: 2px solid var(--line); }
h2.first { font-size: 1.1rem; margin: 2rem 0 .5rem; padding: 0; border: 0; }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; }
a { color: var(--link); }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
.notice { background: var(--note); border: 1px solid var(--note-line); border-left-width: 6px; border-radius: 4px; padding: .6rem 1rem; margin: 1rem 0; }
.notice p { margin: .25rem 0; }
nav ul { list-style: none; margin: .8rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: normal; line-height: 1.25; }
th.n, td.n { text-align: right; padding-left: .8rem; padding-right: .2rem; }
figure { margin: 0 0 1.2rem; break-inside: avoid; }
figure img, figure svg { display: block; max-width: 100%; height: auto; border-radius: 3px; }
figure svg { border: 1px solid var(--line); }
figure .plot { overflow-x: auto; }
figure .plot svg { width: 100%; min-width: 26rem; max-width: 46rem; }
figcaption { margin-top: .35rem; max-width: 46rem; overflow-wrap: anywhere; }
.row { display: grid; gap: 1rem 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); align-items: start; }
.pairs { display: grid; gap: 1rem 1.2rem; grid-template-columns: repeat(2, minmax(0, 30rem)); align-items: start; }
.four { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(14rem, 100%), 1fr)); align-items: start; }
.four img { width: 100%; }
.pixels img { image-rendering: pixelated; }
.key b { font-weight: 600; } .red { color: var(--red); } .blue { color: var(--blue); }
details { border: 1px solid var(--line); border-radius: 4px; padding: .5rem .9rem; background: var(--panel); margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: .85rem/1.45 ui-monospace, Menlo, Consolas, monospace; margin: .6rem 0 .2rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } nav { display: none; } h2 { break-before: page; }
  h2.first { break-before: auto; } .wide, figure .plot { overflow: visible; } a { color: inherit; text-decoration: none; } }
";
