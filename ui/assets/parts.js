// Parts that several pages have.
import { html, useEffect, useRef, useState } from './vendor/preact-htm.js';
import { cancel, choices, choice, chosen, ended, link, models, picture, take, url } from './api.js';

export const bytes = (n) => {
  for (const unit of ['B', 'kB', 'MB']) {
    if (n < 1000) return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return `${n.toFixed(2)} GB`;
};
export const seconds = (s) => (s < 1 ? `${Math.round(s * 1000)} ms` : s < 90 ? `${s.toFixed(1)} s` : `${Math.round(s / 60)} min`);

export const count = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

export const Problem = ({ text }) => text && html`<p class="problem" role="alert">${text}</p>`;

// useTry runs what may fail and keeps its error.
export function useTry() {
  const [error, set] = useState('');
  const attempt = (work) => async (...args) => {
    set('');
    try {
      return await work(...args);
    } catch (e) {
      if (e.name !== 'AbortError') set(e.message);
    }
  };
  return [error, attempt];
}

// Chooser takes a picture by drop, paste or a dialog.
export function Chooser({ small, onPicture, label = 'Drop a picture here, paste it, or choose a file' }) {
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, attempt] = useTry();
  const accept = attempt(async (file) => {
    if (!file) return;
    setBusy(true);
    try {
      const p = await take(file);
      onPicture?.(p);
    } finally {
      setBusy(false);
    }
  });
  const latest = useRef();
  latest.current = accept;
  useEffect(() => { // anywhere in the window
    const on = {
      paste: (e) => latest.current(e.clipboardData?.files[0]),
      dragover: (e) => { e.preventDefault(); setOver(true); },
      dragleave: (e) => { if (!e.relatedTarget) setOver(false); },
      drop: (e) => { e.preventDefault(); setOver(false); latest.current(e.dataTransfer.files[0]); },
    };
    for (const [name, listen] of Object.entries(on)) document.addEventListener(name, listen);
    return () => { for (const [name, listen] of Object.entries(on)) document.removeEventListener(name, listen); };
  }, []);
  return html`<div class=${`drop ${small ? 'small' : ''} ${over ? 'over' : ''}`}>
    <label>
      <input type="file" accept="image/*,.heic,.heif,.avif,.tif,.tiff" class="away"
        onChange=${(e) => { accept(e.target.files[0]); e.target.value = ''; }} />
      <span>${busy ? 'Reading the picture …' : label}</span>
    </label>
    <${Problem} text=${error} />
  </div>`;
}

// Current says which picture the pages work on, and changes it.
export function Current() {
  const p = picture.use();
  if (!p) return html`<${Chooser} />`;
  return html`<div class="current">
    <img src=${url(`/api/pictures/${p.id}`)} alt="" />
    <p><strong>${p.name}</strong><br />${p.width} × ${p.height} pixels, ${bytes(p.bytes)}</p>
    <${Chooser} small label="Another picture" />
  </div>`;
}

// JobBar shows how far a job is, its error, and a button that ends it.
export function JobBar({ job, stop = 'Cancel', what }) {
  const [error, attempt] = useTry();
  if (!job) return null;
  if (job.state === 'failed') return html`<${Problem} text=${job.error} />`;
  if (job.state === 'cancelled') return html`<p class="hint" role="status">${what || 'It'} was cancelled.</p>`;
  if (ended(job)) return null;
  const text = job.state === 'waiting' ? 'waiting for other work' : job.note || 'working';
  const part = job.unit === 'bytes' ? `${bytes(job.done)} of ${job.total ? bytes(job.total) : '?'}${rate(job)}`
    : job.total ? `${job.done} of ${job.total} ${job.unit}` : '';
  return html`<div class="job">
    <p role="status">${text}${part && `: ${part}`}</p>
    <progress aria-label=${what || text} max=${job.total || 1} value=${job.total ? job.done : undefined} />
    <button onClick=${attempt(() => cancel(job))}>${stop}</button>
    <${Problem} text=${error} />
  </div>`;
}

// rate is how fast a download is, and how long it still takes.
function rate(job) {
  const since = (Date.now() - Date.parse(job.started)) / 1000;
  if (since < 2 || !job.done) return '';
  const each = job.done / since;
  return `, ${bytes(each)}/s${job.total ? `, ${seconds((job.total - job.done) / each)} left` : ''}`;
}

// ModelChoice chooses among the models that fit. It says what to do if there is none.
export function ModelChoice({ id, fits, label, none }) {
  const all = models.use() ? choices(fits) : null;
  chosen.use();
  if (!all) return html`<p class="hint">Looking for models …</p>`;
  if (!all.length) {
    return html`<p class="hint">${none} <a href=${link('models')}>Get one on the page Models.</a></p>`;
  }
  return html`<label class="field">${label}
    <select value=${choice(id, fits)?.name} onChange=${(e) => chosen.set({ ...chosen.get(), [id]: e.target.value })}>
      ${all.map((c) => html`<option value=${c.name}>${c.title}</option>`)}
    </select></label>`;
}

// Panels shows pictures of a job's result with their captions.
export const Panels = ({ result, onPick }) => html`<div class="panels">
  ${result.panels.map((p, i) => html`<figure key=${result.id + p.file}>
    <img src=${url(`/api/jobs/${result.id}/files/${p.file}`)} alt=${p.caption}
      class=${onPick && i === 0 ? 'pick' : ''}
      onClick=${onPick && i === 0 ? (e) => onPick(e.offsetX / e.target.clientWidth, e.offsetY / e.target.clientHeight) : undefined} />
    <figcaption>${p.caption}</figcaption>
  </figure>`)}
</div>`;

// Dialog is a modal dialog. The browser keeps the focus in it, and Escape closes it.
export function Dialog({ title, onClose, children }) {
  const ref = useRef();
  useEffect(() => { ref.current.showModal(); }, []);
  return html`<dialog ref=${ref} onClose=${onClose} aria-label=${title}>
    <header><h2>${title}</h2><button onClick=${() => ref.current.close()}>Close</button></header>
    ${children}
  </dialog>`;
}
