// Models: what there is, licences, downloads.
import { html, useEffect, useRef, useState } from './vendor/preact-htm.js';
import { ended, get, latest, models, refreshModels, remove, start, useResult } from './api.js';
import { bytes, count, JobBar, Problem, useTry } from './parts.js';

export function Models() {
  const all = models.use();
  const [word, setWord] = useState('');
  const [here, setHere] = useState(false);
  const [error, attempt] = useTry();
  useEffect(() => { attempt(refreshModels)(); }, []);
  if (!all) return html`<${Problem} text=${error} /><p class="hint">Looking for models …</p>`;
  const shown = all.models.filter((m) => `${m.name} ${m.task} ${m.does}`.toLowerCase().includes(word.toLowerCase()) && (!here || m.path || m.built_in));
  const others = all.choices.filter((c) => c.path && !all.models.some((m) => m.path === c.path));
  return html`
    <${Problem} text=${error} />
    ${others.length > 0 && html`<section aria-labelledby="others"><h2 id="others">Other files that fit</h2>
      <ul class="cards">${others.map((c) => html`<${Other} key=${c.name} c=${c} />`)}</ul></section>`}
    <${Face} choices=${all.choices} />
    <section aria-labelledby="published"><h2 id="published">Published models</h2>
      <div class="row">
        <label class="field wide">Name or task <input type="search" value=${word} onInput=${(e) => setWord(e.target.value)} /></label>
        <label><input type="checkbox" checked=${here} onChange=${(e) => setHere(e.target.checked)} /> only what is here</label>
      </div>
      <p class="hint" role="status">${count(shown.length, 'model')}</p>
      <ul class="cards">${shown.map((m) => html`<${Card} key=${m.name} m=${m} />`)}</ul></section>`;
}

function Card({ m }) {
  const job = latest((j) => j.kind === 'download' && j.request.model === m.name);
  const [error, attempt] = useTry();
  const size = m.bytes ? `${m.exact ? '' : 'about '}${bytes(m.bytes)}` : '';
  return html`<li>
    <h3>${m.name}</h3>
    <p>${m.does}. ${m.paper && html`<span class="hint">${m.paper}</span>`}</p>
    <p>${m.licence ? html`Licence: ${m.licence}${m.terms && m.terms !== m.licence ? html` <span class="hint">(${m.terms})</span>` : ''}` : 'No weights are published.'}</p>
    <${Problem} text=${error} />
    ${m.built_in ? html`<p class="ok">built in</p>`
      : m.path ? html`<p class="ok">here: <span class="path">${m.path}</span></p><${Delete} name=${m.name} size=${size} attempt=${attempt} />`
      : m.published && html`<${Download} job=${job} name=${m.name} size=${size} licence=${m.licence} nonCommercial=${m.non_commercial} attempt=${attempt} />`}
  </li>`;
}

// Other is weights that are no published file of a model. Only a repository in the cache
// can be deleted.
function Other({ c }) {
  const [error, attempt] = useTry();
  return html`<li><h3>${c.title}</h3><p>${c.does}. <span class="path">${c.path}</span></p>
    <${Problem} text=${error} />
    ${c.name.startsWith('hf:') && html`<${Delete} name=${c.name} attempt=${attempt} />`}</li>`;
}

// Download is a button that starts a download, and then how far it is. A licence that
// forbids commercial use is asked about first.
function Download({ job, name, size, licence, nonCommercial, attempt }) {
  const [asking, setAsking] = useState(false);
  const begin = attempt(async () => {
    setAsking(false);
    await start({ kind: 'download', model: name, accept: nonCommercial });
  });
  if (job && !ended(job)) return html`<${JobBar} job=${job} what=${`Download of ${name}`} />`;
  return html`${job?.state === 'failed' && html`<${Problem} text=${job.error} />`}
    ${asking ? html`<p class="row"><span>${licence} forbids commercial use.</span>
        <button class="main" onClick=${begin}>Accept and download</button><button onClick=${() => setAsking(false)}>Leave it</button></p>`
      : html`<button onClick=${nonCommercial ? () => setAsking(true) : begin}>
          ${job?.state === 'cancelled' ? 'Go on with the download' : 'Download'}${size && `, ${size}`}<span class="away">: ${name}</span></button>`}`;
}

// Delete is a button that deletes a download, after a question.
function Delete({ name, size, attempt }) {
  const [asking, setAsking] = useState(false);
  const drop = attempt(async () => {
    setAsking(false);
    await remove(`/api/models/${encodeURIComponent(name)}`);
    await refreshModels();
  });
  if (!asking) return html`<button onClick=${() => setAsking(true)}>Delete<span class="away"> ${name}</span></button>`;
  return html`<p class="row"><span>Delete ${size || name}?</span><button onClick=${drop}>Delete</button><button onClick=${() => setAsking(false)}>Keep</button></p>`;
}

// Face downloads a repository from Hugging Face. What is known of it is shown first.
function Face({ choices }) {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState(null);
  const [error, attempt] = useTry();
  const asked = useRef();
  const job = latest((j) => j.kind === 'download' && j.request.model.startsWith('hf:'));
  const result = useResult(job);
  const running = job && !ended(job);
  const about = found && (!running || job.request.model === found.name) && found;
  const usable = (name) => choices.some((c) => c.name === name.replace(/@.*/, ''));
  const here = about && (usable(about.name) || (result?.files && !result.fits && job.request.model === about.name));
  const look = attempt(async () => {
    asked.current?.abort();
    asked.current = new AbortController();
    setFound(null);
    setBusy(true);
    try {
      const reference = name.trim().replace(/^hf:|^https:\/\/huggingface\.co\//, '').replace(/\/$/, '');
      setFound(await get(`/api/repository?name=${encodeURIComponent(`hf:${reference}`)}`, { signal: asked.current.signal }));
    } finally {
      setBusy(false);
    }
  });
  return html`<section aria-labelledby="face"><h2 id="face">From Hugging Face</h2>
    <p>Gets the weights and configs of any repository there. What fits a model of the list can be used at once.</p>
    <form class="row" onSubmit=${(e) => { e.preventDefault(); look(); }}>
      <label class="field wide">Repository <input value=${name} placeholder="openai/clip-vit-base-patch32" spellcheck="false" autocapitalize="off"
        onInput=${(e) => setName(e.target.value)} /></label>
      <button disabled=${busy || running || !name.trim()}>Look it up</button>
      ${busy && html`<button type="button" onClick=${() => asked.current.abort()}>Cancel</button>`}
    </form>
    <p class="hint" role="status">${busy ? 'Asking …' : ''}</p>
    <${Problem} text=${error} />
    ${about && html`<h3>${about.name}</h3>
      <p>Licence: ${about.licence || 'the repository names none'}</p>
      <details><summary>${count(about.files.length, 'file')}, ${about.bytes < 0 ? 'of unknown size' : bytes(about.bytes)}</summary>
        <ul>${about.files.map((f) => html`<li key=${f.name}>${f.name}${f.bytes >= 0 && `, ${bytes(f.bytes)}`}</li>`)}</ul></details>`}
    ${here ? '' : about ? html`<${Download} key=${about.name} job=${job?.request.model === about.name ? job : null} name=${about.name}
        size=${about.bytes < 0 ? '' : bytes(about.bytes)} licence=${about.licence} nonCommercial=${about.non_commercial} attempt=${attempt} />`
      : job && job.state !== 'done' && html`<${JobBar} job=${job} what=${`Download of ${job.request.model}`} />`}
    ${result?.files && (!result.fits || usable(job.request.model)) ? html`<p class="ok" role="status">${job.request.model} is here.
        ${result.fits ? ` It fits ${result.fits}, so the other pages offer it.` : ' But it fits no model of the list.'}</p>`
      : here && html`<p class="ok">${about.name} is here.</p>`}
  </section>`;
}
