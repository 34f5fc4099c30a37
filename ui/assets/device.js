// Device: which one, whether it computes correctly, and how fast it is.
import { html, useEffect, useState } from './vendor/preact-htm.js';
import { ended, get, latest, put, start, useResult } from './api.js';
import { bytes, JobBar, Problem, seconds, useTry } from './parts.js';

export function Device({ state }) {
  const [d, setD] = useState(null);
  const [error, attempt] = useTry();
  useEffect(() => { attempt(async () => setD(await get('/api/devices')))(); }, []);
  const take = (name) => attempt(async () => setD(await put('/api/device', { name, backend: '' })))();
  const checking = latest((j) => j.kind === 'verify');
  const checks = useResult(checking);
  const measuring = latest((j) => j.kind === 'measure');
  const rates = useResult(measuring);
  const busy = (j) => j && !ended(j);
  return html`
    <${Problem} text=${error || d?.error} />
    ${!d ? html`<p class="hint">Looking for adapters …</p>` : html`
      <p class="lead">${d.device || 'No device is open.'}</p>
      <p class="hint">${d.why}</p>
      <fieldset class="adapters"><legend>Adapter</legend>
        ${d.adapters.map((a, i) => html`<label><input type="radio" name="adapter" checked=${a.in_use} onChange=${() => take(String(i))} />
          <span><strong>${a.name}</strong><br /><span class="hint">${a.type}, ${a.backend}, ${a.driver}; bindings up to ${bytes(a.binding_bytes)}</span></span></label>`)}
        <label><input type="radio" name="adapter" checked=${!d.adapters.some((a) => a.in_use) && d.device} onChange=${() => take('cpu')} />
          <span><strong>no GPU</strong><br /><span class="hint">plain Go on all cores, slow</span></span></label>
      </fieldset>`}
    <section aria-labelledby="verify"><h2 id="verify">Does it compute correctly?</h2>
      <p>Runs reference cases of the official implementations and compares.</p>
      <button class="main" disabled=${busy(checking)} onClick=${attempt(() => start({ kind: 'verify' }))}>Verify</button>
      <${JobBar} job=${checking} what="Verifying" />
      ${checks && html`<p role="status" class=${checks.failed ? 'problem' : 'ok'}>${checks.passed} passed, ${checks.failed} failed</p>
        <details open=${checks.failed > 0}><summary>All cases</summary><ul class="checks" tabindex="0" aria-label="Cases">
        ${[...checks.cases].sort((a, b) => a.pass - b.pass).map((c) => html`<li key=${c.name}>${c.pass ? 'pass' : html`<strong>FAIL</strong>`} ${c.name}
          <span class="hint"> ${c.error.toExponential(1)} ${c.where || ''}</span></li>`)}</ul></details>`}
    </section>
    <section aria-labelledby="measure"><h2 id="measure">How fast is it?</h2>
      <p>Measures the most that the device can do, and how near to that some layers of two networks come.</p>
      <button class="main" disabled=${busy(measuring)} onClick=${attempt(() => start({ kind: 'measure' }))}>Measure</button>
      <${JobBar} job=${measuring} what="Measuring" />
      ${rates && html`<p>${rates.peak.gflops.toFixed(0)} GFLOP/s, ${rates.peak.gigabytes_per_second.toFixed(1)} GB/s copied${rates.seconds ? `; measured in ${seconds(rates.seconds)}` : ''}.</p>
        <${Roofline} m=${rates} />`}
    </section>
    ${d && (checks || rates) && html`<section aria-labelledby="report"><h2 id="report">Report</h2>
      <${Report} text=${report(state, d, checks, rates)} /></section>`}`;
}

// report is what an issue about a device needs.
function report(state, d, checks, rates) {
  const lines = [`vertebra ${state?.version}, ${state?.system}`, `device: ${d.device}`];
  d.adapters.forEach((a, i) => lines.push(`adapter ${i}: ${a.name}, ${a.type}, ${a.backend}, ${a.driver}`));
  if (checks) {
    lines.push(`verify: ${checks.passed} passed, ${checks.failed} failed`);
    checks.cases.filter((c) => !c.pass).forEach((c) => lines.push(`  FAIL ${c.name} ${c.error.toExponential(1)} ${c.where || ''}`));
  }
  if (rates) {
    lines.push(`peak: ${rates.peak.gflops.toFixed(1)} GFLOP/s, ${rates.peak.gigabytes_per_second.toFixed(1)} GB/s`);
    rates.ops.forEach((o) => lines.push(`  ${o.name}: ${o.gflops.toFixed(1)} GFLOP/s at ${o.intensity.toFixed(1)} FLOP/B`));
  }
  return lines.join('\n');
}

function Report({ text }) {
  const [said, setSaid] = useState('');
  return html`<label class="field wide">To copy into an issue <textarea readonly rows="8" value=${text} onFocus=${(e) => e.target.select()} /></label>
    <p class="row"><button onClick=${async () => {
      try {
        await navigator.clipboard.writeText(text);
        setSaid('Copied.');
      } catch {
        setSaid('The browser does not allow that: select the text and copy it.');
      }
    }}>Copy</button><span role="status">${said}</span></p>`;
}

// Roofline draws rates over intensity, both on logarithmic axes. No point can be above
// the roof: the copies' slope, and the multiply-adds' ceiling.
function Roofline({ m }) {
  const [w, h, left, bottom] = [640, 320, 56, 40];
  const { gflops: top, gigabytes_per_second: copy } = m.peak;
  const all = m.ops.map((o) => o.intensity);
  const knee = top / copy;
  const range = (values) => [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [x0, x1] = range([...all, knee / 4, knee * 4]);
  const [y0, y1] = range([...m.ops.map((o) => o.gflops), top * 1.05, copy * 10 ** x0]);
  const x = (v) => left + ((Math.log10(v) - x0) / (x1 - x0)) * (w - left - 12);
  const y = (v) => h - bottom - ((Math.log10(v) - y0) / (y1 - y0)) * (h - bottom - 12);
  const decades = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => 10 ** (a + i));
  return html`<svg class="roof" viewBox=${`0 0 ${w} ${h}`} role="img" aria-label=${`Roofline: ${m.ops.length} layers below ${top.toFixed(0)} GFLOP/s and ${copy.toFixed(1)} GB/s`}>
    ${decades(x0, x1).map((v) => html`<line class="tick" x1=${x(v)} x2=${x(v)} y1="12" y2=${h - bottom} /><text x=${x(v)} y=${h - bottom + 18} text-anchor=${v === 10 ** x1 ? 'end' : 'middle'}>${v}</text>`)}
    ${decades(y0, y1).map((v) => html`<line class="tick" x1=${left} x2=${w - 12} y1=${y(v)} y2=${y(v)} /><text x=${left - 6} y=${y(v) + 4} text-anchor="end">${v}</text>`)}
    <polyline class="line" points=${`${x(10 ** x0)},${y(copy * 10 ** x0)} ${x(knee)},${y(top)} ${x(10 ** x1)},${y(top)}`} />
    ${m.ops.map((o) => html`<circle cx=${x(o.intensity)} cy=${y(o.gflops)} r="5"><title>${o.name}: ${o.gflops.toFixed(1)} GFLOP/s</title></circle>`)}
    <text x=${(w + left) / 2} y=${h - 4} text-anchor="middle">operations for each byte</text>
    <text x=${left + 6} y="24">GFLOP/s</text>
  </svg>`;
}
