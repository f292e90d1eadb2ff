"""How the page looks: one light style sheet, for screen, phone and paper."""

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; background: #fff; color: #1b1f24;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.4rem; margin: 2.6rem 0 .8rem; padding-bottom: .25rem; border-bottom: 2px solid #0072b2;
  overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p, li { max-width: 48rem; overflow-wrap: break-word; }
li { margin: .3rem 0; }
.lead { color: #4a5560; margin: 0 0 1rem; }
.banner { border: 2px solid #b33c00; background: #fff1e8; padding: .8rem 1rem; margin: 1rem 0; font-weight: 600; }
.banner p { margin: .2rem 0; }
.day { white-space: nowrap; }
.found { font-size: 1.08rem; padding-left: 1.1rem; margin: .6rem 0 1rem; }
.cards { display: flex; flex-wrap: wrap; gap: .7rem; margin: 1rem 0; }
.card { flex: 1 1 8.5rem; border: 1px solid #c9d1d8; border-top: 3px solid #0072b2; padding: .5rem .7rem; }
.card b { display: block; font-size: 1.45rem; line-height: 1.2; }
.card span, .card small { display: block; }
.card small { color: #5d6873; font-size: .8rem; }
.advice { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }
.advice > * { flex: 1 1 18rem; min-width: 0; }
.advice table { width: 100%; } .advice td:first-child { overflow-wrap: anywhere; min-width: 6rem; }
.part { margin-top: 3.5rem; border-bottom: 0; border-top: 2px solid #0072b2; padding-top: 1rem; break-before: page; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: #00568a; }
.source { color: #5d6873; font-size: .8rem; white-space: nowrap; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
a { color: #00568a; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; margin: .6rem 0 .4rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; white-space: nowrap; font-weight: 600; padding: .3rem 0; }
th, td { padding: .28rem .7rem .28rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #dde2e7; }
th { color: #3a444e; border-bottom: 1.5px solid #8b96a1; }
td.n, th.n { text-align: right; } td.n { white-space: nowrap; } th.n { vertical-align: bottom; max-width: 8rem; }
td small { display: block; color: #5d6873; white-space: nowrap; font-size: .92em; }
td small.why { white-space: normal; min-width: 9rem; }
.beside { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }
.beside > * { flex: 1 1 19rem; min-width: 0; }
.beside figure { max-width: 29rem; }
.note { font-size: .86rem; color: #4a5560; margin-top: 0; }
figure { margin: 1.4rem 0; break-inside: avoid; }
figure img { display: block; width: 100%; height: auto; }
figcaption { max-width: 48rem; font-size: .92rem; }
figcaption b { display: block; }
figure.large img { min-width: 42rem; }
.pair { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }
.pair figure { flex: 1 1 19rem; max-width: 29rem; min-width: 0; margin: .8rem 0; }
pre { background: #f5f7f9; padding: .8rem 1rem; overflow-x: auto; font-size: .74rem; line-height: 1.35; }
code { font-size: .92em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .4rem 0; }
dt { color: #4a5560; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 34rem) {
  body { padding: 1rem .8rem 3rem; }
  h1 { font-size: 1.5rem; }
  .pair figure { flex-basis: 100%; max-width: 100%; }
  dl { grid-template-columns: 1fr; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; line-height: 1.35; }
  nav, details:not([open]), #settings { display: none; }
  h1 { font-size: 16pt; } h2 { font-size: 12pt; margin: 1rem 0 .4rem; } h3 { margin: .7rem 0 .2rem; }
  p, li { max-width: none; margin: .15rem 0; }
  table { font-size: 7.5pt; } th, td { padding: .1rem .5rem .1rem 0; }
  figure { margin: .5rem 0; } figure.large img { min-width: 0; max-width: 14cm; max-height: 13cm; width: auto; }
  .pair figure, .beside figure { max-width: 8.6cm; flex-basis: 7cm; }
  .beside > * { flex-basis: 8cm; break-inside: avoid; } .advice, .beside { gap: 0 1rem; }
  .part { margin-top: 0; padding-top: 0; border-top: 0; }
  #findings ul, #diagnostics ul { columns: 2; column-gap: .6cm; font-size: 8pt; padding-left: 1rem; }
  #findings li, #diagnostics li { margin: .1rem 0; }
  .note, figcaption, .source { font-size: 7.5pt; }
  .card b { font-size: 13pt; }
  h2, h3 { break-after: avoid; }
  tr, figure, .banner { break-inside: avoid; }
  .wide { overflow: visible; }
  pre { white-space: pre-wrap; font-size: 7pt; }
  a { color: inherit; text-decoration: none; }
}
""".strip()
