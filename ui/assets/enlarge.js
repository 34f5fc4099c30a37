// Enlarge: a picture, its scale, and a slider between before and after.
import { html, useState } from './vendor/preact-htm.js';
import { ended, latest, picture, save, start, url, useResult } from './api.js';
import { Chooser, Current, JobBar, Problem, seconds, useTry } from './parts.js';

export function Enlarge() {
  const p = picture.use();
  const [scale, setScale] = useState(3);
  const [error, attempt] = useTry();
  const job = latest((j) => j.kind === 'enlarge' && j.request.picture === p?.id);
  const result = useResult(job);
  const enlarge = attempt((id, by) => start({ kind: 'enlarge', picture: id, scale: by }));
  if (!p) {
    return html`<p class="lead">Makes a picture two, three or four times as large, by a small network that adds sharp edges.</p>
      <${Chooser} onPicture=${(n) => enlarge(n.id, scale)} />`;
  }
  const working = job && !ended(job);
  return html`<${Current} />
    <form class="row" onSubmit=${(e) => { e.preventDefault(); enlarge(p.id, scale); }}>
      <fieldset><legend>Times</legend>
        ${[2, 3, 4].map((n) => html`<label><input type="radio" name="scale" value=${n} checked=${scale === n}
          onChange=${() => setScale(n)} /> ×${n}</label>`)}
      </fieldset>
      <button class="main" disabled=${working}>Enlarge to ${p.width * scale} × ${p.height * scale}</button>
    </form>
    <${Problem} text=${error} />
    <${JobBar} job=${job} what="The enlargement" />
    ${result?.file && html`<${Compare} key=${result.id} p=${p} result=${result} />
      <p class="row"><button class="main" onClick=${attempt(() => save(`/api/jobs/${result.id}/files/${encodeURIComponent(result.file)}`, result.file))}>
        Download ${result.file}</button></p>
      <p class="hint">${result.width} × ${result.height} pixels. The network took ${seconds(result.compute_seconds)} on ${result.device}.</p>`}`;
}

// Compare lays the enlarged picture over the one before. A range control moves the
// border, by mouse, touch and keyboard.
function Compare({ p, result }) {
  const [at, setAt] = useState(50);
  const [full, setFull] = useState(false);
  const size = full ? { width: `${result.width / devicePixelRatio}px`, maxWidth: 'none' } : { width: `${result.width}px` };
  return html`<div class="scroll" tabindex=${full ? 0 : undefined} role=${full ? 'group' : undefined} aria-label=${full ? 'The enlarged picture' : undefined}>
    <div class="compare" style=${{ ...size, aspectRatio: `${result.width} / ${result.height}` }}>
      <img src=${url(`/api/pictures/${p.id}`)} alt="before" />
      <img src=${url(`/api/jobs/${result.id}/files/${encodeURIComponent(result.file)}`)} alt="after" style=${{ clipPath: `inset(0 0 0 ${at}%)` }} />
      <span class="border" style=${{ left: `${at}%` }} />
      <input type="range" min="0" max="100" step="0.5" value=${at} aria-label="Border between before and after"
        aria-valuetext=${`${Math.round(at)} percent before`} onInput=${(e) => setAt(+e.target.value)} />
    </div></div>
    <p class="row between"><span>before</span>
      <label><input type="checkbox" checked=${full} onChange=${(e) => setFull(e.target.checked)} /> every pixel</label>
      <span>after</span></p>`;
}
