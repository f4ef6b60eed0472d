"""A diagnosis as one self-contained HTML page and as JSON. Everything from outside is escaped; nothing is fetched."""

from __future__ import annotations

import base64
import io
import json
import math
from html import escape

import torch
from PIL import Image
from torch import Tensor

from ganlab.metrics.diagnose import Diagnosis, Finding, Measurement
from ganlab.metrics.loading import Samples

REAL, GENERATED, ALARM, FINE = "#0173b2", "#de8f05", "#b04a00", "#027a59"

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #262626; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.1rem; font-weight: 600; color: #555; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; }
.verdict { border-left: .4rem solid var(--tone); background: #f7f7f5; padding: 1rem 1.3rem; margin: 1rem 0; }
.verdict strong { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--tone); }
.verdict p { margin: .5rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: right; padding: .25rem .55rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
th { border-bottom: 2px solid #999; font-weight: 600; }
td:first-child, th:first-child, td:last-child, th:last-child { text-align: left; }
td:nth-child(2), td:nth-child(3), td:nth-child(4) { white-space: nowrap; }
td.off { font-weight: 700; color: #b04a00; }
.muted { color: #5c5c5c; font-size: .88rem; }
.grid { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; width: 8.6rem; font-size: .75rem; line-height: 1.3; overflow-wrap: anywhere; }
figure img { width: 3.9rem; height: auto; image-rendering: pixelated; border: 1px solid #ccc; }
figure.single img { width: 8.6rem; }
svg { max-width: 100%; height: auto; }
code { overflow-wrap: anywhere; }
"""


def _number(x: float) -> str:
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞"
    if x == 0 or 0.001 <= abs(x) < 1000:
        return f"{x:.3f}".rstrip("0").rstrip(".") if abs(x) < 10 else f"{x:.1f}"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.1e}"


def _z(z: float) -> str:
    if math.isnan(z):
        return "–"
    if abs(z) < 0.5:
        return "0"
    return f"{z:+.0f}".replace("-", "−") if abs(z) < 100 else ("&gt;&nbsp;+99" if z > 0 else "&lt;&nbsp;−99")


def _as_png(image: Tensor) -> str:
    """A data URI of one image `(channels, height, width)` in [0, 1]."""
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    picture = Image.fromarray((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).numpy())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _picture(samples: Samples, row: int, what: str) -> str:
    return f'<img src="{_as_png(samples.values[row])}" alt="{escape(f"{what} {samples.names[row]}")}">'


def _gallery(findings: list[Finding], samples: Samples, other: Samples | None, what: str, other_what: str = "") -> str:
    if not findings:
        return '<p class="muted">None.</p>'
    if not samples.images:
        rows = []
        for finding in findings:
            values = ", ".join(_number(float(v)) for v in samples.values[finding.row][:6])
            more = ", …" if samples.values.shape[1] > 6 else ""
            rows.append(
                f"<tr><td>{escape(finding.name)}</td><td>({values}{more})</td><td>{escape(finding.note)}</td></tr>"
            )
        return f"<table><tr><th>{what}</th><th>Values</th><th>Why</th></tr>{''.join(rows)}</table>"
    cells = []
    for finding in findings:
        pictures = _picture(samples, finding.row, what)
        if finding.partner is not None and other is not None:
            pictures += " " + _picture(other, finding.partner, other_what)
        kind = "" if finding.partner is not None and other is not None else ' class="single"'
        caption = f"<figcaption><b>{escape(finding.name)}</b><br>{escape(finding.note)}</figcaption>"
        cells.append(f"<figure{kind}>{pictures}{caption}</figure>")
    return f'<div class="grid">{"".join(cells)}</div>'


def _row(m: Measurement) -> str:
    off = ' class="off"' if abs(m.z) >= 8 else ""
    spread = f" ± {_number(m.deviation)}" if not math.isnan(m.deviation) else ""
    return (
        f"<tr><td>{escape(m.title)}</td><td{off}>{_number(m.generated)}</td><td>{_number(m.real)}{spread}</td>"
        f"<td{off}>{_z(m.z)}</td><td>{m.best}</td><td>{m.worst}</td><td>{escape(m.source)}</td></tr>"
    )


def _bars(d: Diagnosis) -> str:
    """Real and generated shares of each mode, side by side."""
    shares = d.mode_shares[:40]
    top = max(max(p, q) for p, q in shares)
    width, height, left = 760, 190, 44
    step = (width - left) / len(shares)
    thick = min(16.0, 0.38 * step)
    parts = []
    for tick in (0.0, top / 2, top):
        y = height - 30 - (height - 50) * tick / top
        parts.append(f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * tick:.0f} %</text>')
    for k, (p, q) in enumerate(shares):
        x = left + (k + 0.5) * step
        for value, colour, offset in ((p, REAL, -thick - 1), (q, GENERATED, 1)):
            tall = (height - 50) * value / top
            parts.append(
                f'<rect x="{x + offset:.1f}" y="{height - 30 - tall:.1f}" width="{thick:.1f}" height="{tall:.1f}" '
                f'fill="{colour}"/>'
            )
        if k in d.missing:
            parts.append(f'<text x="{x:.1f}" y="{height - 2}" text-anchor="middle" fill="{ALARM}">✕</text>')
        if len(shares) <= 25 or k % 5 == 0:
            parts.append(f'<text x="{x:.1f}" y="{height - 15}" text-anchor="middle">{k + 1}</text>')
    said = "; ".join(f"{k + 1}: real {100 * p:.1f} %, generated {100 * q:.1f} %" for k, (p, q) in enumerate(shares))
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(f"Shares of {d.mode_noun}. {said}")}" '
        f'font-size="11" fill="#5c5c5c" font-family="sans-serif">{"".join(parts)}</svg>'
    )


def _scatter(d: Diagnosis) -> str:
    if d.plane is None:
        return ""
    a, b = d.plane
    both = torch.cat([a, b])
    low, high = both.quantile(0.002, 0), both.quantile(0.998, 0)
    span = (high - low).clamp(min=1e-9)
    size = 420

    def place(points: Tensor) -> list[tuple[float, float]]:
        scaled = ((points - low) / span).clamp(0, 1) * (size - 20) + 10
        return [(float(x), size - float(y)) for x, y in scaled]

    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in place(a))
    marks = "".join(f'<path d="M{x:.1f} {y - 3.4:.1f}l3 5.4h-6z"/>' for x, y in place(b))
    alt = f"{len(a)} real samples (circles) and {len(b)} generated ones (triangles) in the plane; {d.verdict.name}."
    return (
        f'<svg viewBox="0 0 {size} {size}" width="{size}" role="img" aria-label="{escape(alt)}" '
        f'style="border:1px solid #ccc"><g fill="none" stroke="{REAL}" stroke-width="1">{dots}</g>'
        f'<g fill="{GENERATED}" fill-opacity=".75">{marks}</g></svg>'
    )


def _tone(name: str) -> str:
    return {"nothing found": FINE, "too few samples to tell": "#5c5c5c"}.get(name, ALARM)


def _certainty(d: Diagnosis) -> str:
    v = d.verdict
    if not v.splits:
        return ""
    return (
        f"{v.agreement} of {v.splits} random splits of the data lead to this verdict when judged alone; each compares "
        f"{d.compared} samples."
    )


def to_html(d: Diagnosis) -> str:
    """The page. It loads nothing, runs nothing, and its content policy says so."""
    v = d.verdict
    also = "".join(f"<li><b>{escape(name)}</b>: {escape(because)}.</li>" for name, because in v.also)
    also = f"<h2>Found as well</h2><ul>{also}</ul>" if also else ""
    sets = "".join(
        f"<li>{role}: <code>{escape(s.source)}</code>, {len(s):,} of {s.available:,} samples, {escape(s.shape)}, read "
        f"as {escape(s.read_as)}</li>"
        for role, s in (("real", d.real), ("generated", d.generated), ("held out", d.held_out))
        if s is not None
    )
    memorised = (
        ""
        if d.held_out is not None
        else " Copying can be seen only if the real samples given are those that the generator was trained on."
    )
    body = ""
    if d.measurements:
        clear = "stand apart" if d.mode_noun == "modes" else "do not stand apart; they are cut into regions"
        body = f"""
<h2>Where the samples lie</h2>
<p class="muted">The real data fall into {len(d.mode_shares)} groups that {clear} (silhouette {d.silhouette:.2f}).
<span style="color:{REAL}">■ ○</span> Blue: real. <span style="color:{GENERATED}">■ ▲</span> Orange: generated.
✕ marks {d.mode_noun} that are missing.</p>
{_bars(d)}
<p class="muted">Both sets in the plane of the real data's first two principal components (axes without unit).</p>
{_scatter(d)}
<h2>Every measurement</h2>
<p class="muted">“Real against real” is what a perfect generator scores with as few samples: the mean over random
splits ± their standard deviation. z is the distance from it in such deviations; 8 and more is bold. Splits share
samples, so z is a calibrated scale of surprise and no exact significance.</p>
<table><tr><th>Measured</th><th>Generated</th><th>Real against real</th><th>z</th><th>Best</th><th>Worst</th>
<th>Source</th></tr>{"".join(_row(m) for m in d.measurements)}</table>
<h2>Real samples that are least covered</h2>
{_gallery(d.least_covered, d.real, None, "Real")}
<h2>Generated samples that repeat most</h2>
{_gallery(d.most_repeated, d.generated, d.generated, "Generated", "Its nearest repeat")}
<h2>Generated samples nearest to a real one</h2>
{_gallery(d.nearest_copies, d.generated, d.real, "Generated", "Nearest real")}"""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Diagnosis: {escape(v.name)}</title><style>{_STYLE}</style></head>
<body style="--tone: {_tone(v.name)}">
<h1>ganlab diagnose: is this mode collapse?</h1>
<div class="verdict"><strong>{escape(v.name[0].upper() + v.name[1:])}</strong>
<p>{escape(v.because[0].upper() + v.because[1:])}.</p><p class="muted">{_certainty(d)}</p></div>
<p><b>What to try.</b> {escape(v.advice)} <br><b>Where it is explained.</b> Chapter {escape(v.chapter)}.</p>
{also}{body}
<h2>What was compared</h2>
<ul>{sets}<li>measured on: <b>{escape(d.features)}</b>; numbers on other features are not comparable with these</li>
<li>random choices: seed {d.seed}</li></ul>
<p class="muted">A verdict is about these samples and these features. Faults that the features do not show stay
unseen.{memorised}</p>
</body></html>
"""


def to_json(d: Diagnosis) -> str:
    """The same as data. Numbers that do not exist are null."""

    def clean(x: float) -> float | None:
        return x if math.isfinite(x) else None

    def describe(s: Samples | None) -> dict | None:
        if s is None:
            return None
        return {"source": s.source, "used": len(s), "available": s.available, "kind": s.shape, "read_as": s.read_as}

    def listed(findings: list[Finding]) -> list[dict]:
        return [{"name": f.name, "why": f.note} for f in findings]

    v = d.verdict
    content = {
        "made_by": "ganlab diagnose",
        "verdict": v.name,
        "because": v.because,
        "also": [{"verdict": name, "because": because} for name, because in v.also],
        "agreement": {"splits": v.splits, "agree": v.agreement},
        "advice": v.advice,
        "chapter": v.chapter,
        "features": d.features,
        "compared_samples": d.compared,
        "seed": d.seed,
        "real": describe(d.real),
        "generated": describe(d.generated),
        "held_out": describe(d.held_out),
        "modes": {
            "kind": d.mode_noun,
            "silhouette": clean(d.silhouette),
            "real_shares": [p for p, _ in d.mode_shares],
            "generated_shares": [q for _, q in d.mode_shares],
            "missing": [k + 1 for k in d.missing],
        },
        "measurements": [
            {
                "name": m.title,
                "generated": clean(m.generated),
                "real_against_real": clean(m.real),
                "deviation": clean(m.deviation),
                "z": clean(m.z),
                "best": m.best,
                "worst": m.worst,
                "source": m.source,
            }
            for m in d.measurements
        ],
        "least_covered_real": listed(d.least_covered),
        "most_repeated_generated": listed(d.most_repeated),
        "nearest_copies": listed(d.nearest_copies),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
