// Models: what there is, licences, downloads.
import { html, useEffect, useState } from './vendor/preact-htm.js';
import { ended, latest, models, refreshModels, remove, start } from './api.js';
import { bytes, JobBar, Problem, useTry } from './parts.js';

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
    <div class="row">
      <label class="field wide">Name or task <input type="search" value=${word} onInput=${(e) => setWord(e.target.value)} /></label>
      <label><input type="checkbox" checked=${here} onChange=${(e) => setHere(e.target.checked)} /> only what is here</label>
    </div>
    <${Problem} text=${error} />
    ${others.length > 0 && html`<h2>Other files that fit</h2><ul class="cards">${others.map((c) => html`<li key=${c.name}>
      <h3>${c.title}</h3><p>${c.task}. <span class="path">${c.path}</span></p></li>`)}</ul><h2>Published models</h2>`}
    <p class="hint" role="status">${shown.length} models</p>
    <ul class="cards">${shown.map((m) => html`<${Card} key=${m.name} m=${m} />`)}</ul>`;
}

function Card({ m }) {
  const job = latest((j) => j.kind === 'download' && j.request.model === m.name);
  const [asking, setAsking] = useState('');
  const [error, attempt] = useTry();
  const busy = job && !ended(job);
  const size = m.bytes ? `${m.exact ? '' : 'about '}${bytes(m.bytes)}` : '';
  const get = attempt(async () => {
    setAsking('');
    await start({ kind: 'download', model: m.name, accept: m.non_commercial });
  });
  const drop = attempt(async () => {
    setAsking('');
    await remove(`/api/models/${encodeURIComponent(m.name)}`);
    await refreshModels();
  });
  return html`<li>
    <h3>${m.name}</h3>
    <p>${m.does}. ${m.paper && html`<span class="hint">${m.paper}</span>`}</p>
    <p>${m.licence ? html`Licence: ${m.licence}${m.terms && m.terms !== m.licence ? html` <span class="hint">(${m.terms})</span>` : ''}` : 'No weights are published.'}</p>
    <${Problem} text=${error} />
    ${m.built_in ? html`<p class="ok">built in</p>`
      : m.path ? html`<p class="ok">here: <span class="path">${m.path}</span></p>
        ${asking === 'drop' ? html`<p class="row"><span>Delete ${size}?</span><button onClick=${drop}>Delete</button><button onClick=${() => setAsking('')}>Keep</button></p>`
          : html`<button onClick=${() => setAsking('drop')}>Delete<span class="away"> ${m.name}</span></button>`}`
      : busy ? html`<${JobBar} job=${job} what=${`Download of ${m.name}`} />`
      : m.published && html`
        ${job?.state === 'failed' && html`<${Problem} text=${job.error} />`}
        ${asking === 'get' ? html`<p class="row"><span>${m.licence} forbids commercial use.</span>
            <button class="main" onClick=${get}>Accept and download</button><button onClick=${() => setAsking('')}>Leave it</button></p>`
          : html`<button onClick=${m.non_commercial ? () => setAsking('get') : get}>
              ${job?.state === 'cancelled' ? 'Go on with the download' : 'Download'}${size && `, ${size}`}<span class="away">: ${m.name}</span></button>`}`}
  </li>`;
}
