// The style of the page.
#include "tools/lib/report/PageParts.h"

namespace vitya::report {

const llvm::StringLiteral kPageStyle = R"(
:root{color-scheme:light dark;--text:#222;--faint:#666;--background:#fff;--line:#ddd;--shade:#f4f4f4;--accent:#0072b2}
@media (prefers-color-scheme:dark){
:root{--text:#ddd;--faint:#999;--background:#161b22;--line:#333;--shade:#21262d;--accent:#56b4e9}}
body{margin:0 auto;padding:1rem 1.5rem 4rem;max-width:78rem;font:15px/1.5 system-ui,sans-serif;color:var(--text);
background:var(--background)}
h1{font-size:1.6rem;margin-bottom:0}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin-bottom:.3rem}p,li{max-width:52rem}.faint{color:var(--faint)}
svg{max-width:100%;height:auto}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(28rem,100%),1fr));gap:1rem 2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{max-width:24rem;padding:.2rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600}.number{text-align:right}
tr.strong td:nth-child(2){font-weight:600}td:nth-child(2):not(.cell,.number){min-width:7rem}
details{margin:.4rem 0}summary{cursor:pointer}code,pre{font:12px/1.5 ui-monospace,monospace}
pre{overflow-x:auto;background:var(--shade);padding:.6rem}
.whisker{stroke:var(--text);stroke-width:1.2;fill:none}.front{fill:none;stroke:var(--accent);stroke-width:1.5}
circle.onfront{fill:var(--accent);stroke:var(--accent)}circle.offfront{fill:var(--background);stroke:var(--faint)}
text.number{text-anchor:middle;font-size:10px}
.pale{opacity:.4}.pictures{display:flex;flex-wrap:wrap;gap:.8rem}
figure{margin:0;width:8rem;font-size:12px;line-height:1.3}figure svg{width:64px;height:64px;image-rendering:pixelated}
td.cell{text-align:right;min-width:1.8rem}td.hit{font-weight:600}
@media print{body{max-width:none;padding:0}table{font-size:9px}th,td{padding:.1rem .25rem}h2{break-after:avoid}svg,figure,tr{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}}
)";

} // namespace vitya::report
