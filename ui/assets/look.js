// Look: what networks see in a picture.
import { html, useState } from './vendor/preact-htm.js';
import { chosen, choice, ended, latest, models, picture, start, useResult } from './api.js';
import { Current, JobBar, ModelChoice, Panels, Problem, useTry } from './parts.js';

export function Look() {
  const p = picture.use();
  models.use();
  chosen.use();
  return html`
    ${!p && html`<p class="lead">Shows what networks make of a picture: what is in it, where they look, and what they imagine behind a mask.</p>`}
    <${Current} />
    ${p && html`<${Classify} p=${p} /><${Attend} p=${p} /><${Imagine} p=${p} />`}`;
}

// useWork is the latest job of a kind for a picture and a model.
function useWork(kind, p, model) {
  const job = latest((j) => j.kind === kind && j.request.picture === p.id && j.request.model === model?.name);
  return [job, useResult(job), job && !ended(job)];
}

function Classify({ p }) {
  const fits = (c) => c.task === 'classification';
  const model = choice('classify', fits);
  const [job, result, busy] = useWork('classify', p, model);
  const [error, attempt] = useTry();
  return html`<section aria-labelledby="what"><h2 id="what">What is in it</h2>
    <div class="row"><${ModelChoice} id="classify" fits=${fits} label="Model" none="There is no model that names things." />
      ${model && html`<button class="main" disabled=${busy} onClick=${attempt(() => start({ kind: 'classify', picture: p.id, model: model.name }))}>Name it</button>`}</div>
    <${Problem} text=${error} /><${JobBar} job=${job} what="Naming" />
    ${result && html`<table class="bars"><caption class="away">Classes and their probabilities</caption>
      <thead class="away"><tr><th scope="col">Class</th><th scope="col">Bar</th><th scope="col">Probability</th></tr></thead>
      <tbody>${result.classes.map((c) => html`<tr><th scope="row">${c.Name || `class ${c.Number}`}</th>
        <td><meter aria-label=${c.Name || `class ${c.Number}`} min="0" max="1" value=${c.Probability} /></td>
        <td class="number">${(100 * c.Probability).toFixed(1)} %</td></tr>`)}</tbody></table>
      ${result.inverted && html`<p class="hint">The digit was dark on light, so the network saw the negative.</p>`}`}
  </section>`;
}

function Attend({ p }) {
  const fits = (c) => c.attends;
  const model = choice('attend', fits);
  const [job, result, busy] = useWork('attention', p, model);
  const [block, setBlock] = useState(0);
  const [place, setPlace] = useState([50, 50]);
  const [token, setToken] = useState(false);
  const [error, attempt] = useTry();
  const go = attempt((at) => start({ kind: 'attention', picture: p.id, model: model.name, block, at }));
  return html`<section aria-labelledby="where"><h2 id="where">Where it looks</h2>
    <${ModelChoice} id="attend" fits=${fits} label="Model" none="Drawing attention needs a transformer, such as vit_b_16 or swin_t." />
    ${model && html`<form class="row" onSubmit=${(e) => { e.preventDefault(); go(token ? place.map((v) => v / 100) : undefined); }}>
      <label class="field">Block <input type="number" min="0" max="99" value=${block} onInput=${(e) => setBlock(+e.target.value)} /></label>
      <label><input type="checkbox" checked=${token} onChange=${(e) => setToken(e.target.checked)} /> from a place</label>
      ${token && ['Across, %', 'Down, %'].map((name, i) => html`<label class="field">${name}
        <input type="number" min="0" max="100" value=${Math.round(place[i])} onInput=${(e) => setPlace(place.map((v, k) => (k === i ? +e.target.value : v)))} /></label>`)}
      <button class="main" disabled=${busy}>Show where</button></form>`}
    <${Problem} text=${error} /><${JobBar} job=${job} what="Attention" />
    ${result && html`<${Panels} result=${result} onPick=${(x, y) => { setToken(true); setPlace([100 * x, 100 * y]); go([x, y]); }} />
      <p class="hint">Click on the first picture to ask from that place.</p>`}
  </section>`;
}

function Imagine({ p }) {
  const fits = (c) => c.task === 'reconstruction';
  const model = choice('imagine', fits);
  const [job, result, busy] = useWork('reconstruct', p, model);
  const [seed, setSeed] = useState(1);
  const [ratio, setRatio] = useState(75);
  const [pixels, setPixels] = useState(false);
  const [error, attempt] = useTry();
  const go = attempt(() => start({ kind: 'reconstruct', picture: p.id, model: model.name, seed, ratio: ratio ? ratio / 100 : -1, pixels }));
  return html`<section aria-labelledby="imagine"><h2 id="imagine">What it imagines</h2>
    <${ModelChoice} id="imagine" fits=${fits} label="Model" none="Painting hidden parts needs a masked autoencoder." />
    ${model && html`<form class="row" onSubmit=${(e) => { e.preventDefault(); go(); }}>
      <label class="field">Hidden, % <input type="number" min="0" max="99" value=${ratio} onInput=${(e) => setRatio(+e.target.value)} /></label>
      <label class="field">Seed <input type="number" min="0" value=${seed} onInput=${(e) => setSeed(+e.target.value)} /></label>
      <label><input type="checkbox" checked=${pixels} onChange=${(e) => setPixels(e.target.checked)} /> trained on plain pixels</label>
      <button class="main" disabled=${busy}>Imagine</button></form>`}
    <${Problem} text=${error} /><${JobBar} job=${job} what="Imagining" />
    ${result && html`<${Panels} result=${result} /><p class="hint">${result.hidden} of ${result.patches} patches were hidden.</p>`}
  </section>`;
}
