// Enlarge: a picture, its scale, and a slider between before and after.
import { html, useState } from './vendor/preact-htm.js';
import { choices, chosen, ended, latest, link, models, picture, save, start, url, useResult } from './api.js';
import { bytes, Chooser, Current, JobBar, Problem, seconds, useTry } from './parts.js';

// fits are the networks beside the three that are built in, which are one choice here.
const fits = (c) => c.task === 'super-resolution' && c.path;
const finer = 'realesr_general_x4v3';

export function Enlarge() {
  const p = picture.use();
  const all = models.use();
  const name = chosen.use()?.enlarge;
  const [scale, setScale] = useState(3);
  const [error, attempt] = useTry();
  const others = choices(fits);
  const other = others.find((c) => c.name === name);
  const job = latest((j) => j.kind === 'enlarge' && j.request.picture === p?.id);
  const result = useResult(job);
  const enlarge = attempt((id) => start({ kind: 'enlarge', picture: id, ...(other ? { model: other.name } : { scale }) }));
  if (!p) {
    return html`<p class="lead">Makes a picture two, three or four times as large, by a small network that adds sharp edges.</p>
      <${Chooser} onPicture=${(n) => enlarge(n.id)} />`;
  }
  const working = job && !ended(job);
  const times = other ? other.scale : scale;
  return html`<${Current} />
    <form class="row" onSubmit=${(e) => { e.preventDefault(); enlarge(p.id); }}>
      ${others.length > 0 && html`<label class="field">Network
        <select value=${other?.name || ''} onChange=${(e) => chosen.set({ ...chosen.get(), enlarge: e.target.value })}>
          <option value="">ESPCN: quick, keeps to the picture</option>
          ${others.map((c) => html`<option value=${c.name}>${c.title}</option>`)}
        </select></label>`}
      ${!other && html`<fieldset><legend>Times</legend>
        ${[2, 3, 4].map((n) => html`<label><input type="radio" name="scale" value=${n} checked=${scale === n}
          onChange=${() => setScale(n)} /> ×${n}</label>`)}
      </fieldset>`}
      <button class="main" disabled=${working}>Enlarge${times ? ` to ${p.width * times} × ${p.height * times}` : ''}</button>
    </form>
    ${all && !others.length && html`<${Finer} m=${all.models.find((m) => m.name === finer)} />`}
    <${Problem} text=${error} />
    <${JobBar} job=${job} what="The enlargement" />
    ${result?.file && html`<${Compare} key=${result.id} p=${p} result=${result} />
      <p class="row"><button class="main" onClick=${attempt(() => save(`/api/jobs/${result.id}/files/${encodeURIComponent(result.file)}`, result.file))}>
        Download ${result.file}</button></p>
      <p class="hint">${result.width} × ${result.height} pixels by ${result.model}. The network took ${seconds(result.compute_seconds)} on ${result.device}.</p>`}`;
}

// Finer says how to get a network that does more.
const Finer = ({ m }) => m && html`<details><summary>For noisy photos and old JPEGs</summary>
  <p>Real-ESRGAN's network ${m.name} also removes noise and the traces of JPEG. It invents detail, and takes about a hundred times as long.
    Get it on <a href=${link('models')}>the page Models</a> (${bytes(m.bytes)}, ${m.licence}), or by: <code>vertebra pull ${m.name}</code></p></details>`;

// Compare lays the enlarged picture over the one before. A range control moves the
// border, by mouse, touch and keyboard.
function Compare({ p, result }) {
  const [at, setAt] = useState(50);
  const [full, setFull] = useState(false);
  const size = full ? { width: `${result.width / devicePixelRatio}px`, maxWidth: 'none' } : { width: `${result.width}px` };
  return html`<div class="scroll" tabindex=${full ? 0 : undefined} role=${full ? 'group' : undefined} aria-label=${full ? 'The enlarged picture' : undefined}>
    <div class="compare" style=${{ ...size, aspectRatio: `${result.width} / ${result.height}` }}>
      <img src=${url(`/api/pictures/${p.id}?full=1`)} alt="before" />
      <img src=${url(`/api/jobs/${result.id}/files/${encodeURIComponent(result.file)}`)} alt="after" style=${{ clipPath: `inset(0 0 0 ${at}%)` }} />
      <span class="border" style=${{ left: `${at}%` }} />
      <input type="range" min="0" max="100" step="0.5" value=${at} aria-label="Border between before and after"
        aria-valuetext=${`${Math.round(at)} percent before`} onInput=${(e) => setAt(+e.target.value)} />
    </div></div>
    <p class="row between" style=${{ maxWidth: `${Math.max(result.width, 320)}px` }}><span>before</span>
      <label><input type="checkbox" checked=${full} onChange=${(e) => setFull(e.target.checked)} /> every pixel</label>
      <span>after</span></p>`;
}
