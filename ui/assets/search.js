// Search: pictures of a folder by words or by a picture.
import { html, useEffect, useState } from './vendor/preact-htm.js';
import { chosen, choice, ended, get, latest, link, models, picture, post, remove, start, url, useResult } from './api.js';
import { Chooser, count, Dialog, JobBar, ModelChoice, Problem, seconds, useTry } from './parts.js';

const fits = (c) => c.task === 'embedding';

export function Search() {
  const [folders, setFolders] = useState(null);
  const [folder, setFolder] = useState(null);
  const [opening, setOpening] = useState(false);
  const [error, attempt] = useTry();
  models.use();
  chosen.use();
  const model = choice('clip', fits);
  const refresh = attempt(async (use) => {
    const all = await get('/api/folders');
    setFolders(all);
    setFolder(all.find((f) => f.id === use) || all.find((f) => f.id === folder?.id) || all[0] || null);
  });
  useEffect(() => { refresh(); }, []);
  return html`<p class="lead">Finds pictures by what is in them. A folder is read once; then a search takes a moment.</p>
    <${ModelChoice} id="clip" fits=${fits} label="Model" none="Searching needs a model that is not here yet." />
    <p class="row">
      ${folders?.length > 0 && html`<label class="field">Folder
        <select value=${folder?.id} onChange=${(e) => setFolder(folders.find((f) => f.id === e.target.value))}>
          ${folders.map((f) => html`<option value=${f.id}>${f.path}</option>`)}
        </select></label>`}
      <button class=${folder ? '' : 'main'} onClick=${() => setOpening(true)}>Open a folder</button>
      ${folder && html`<button onClick=${attempt(async () => { await remove(`/api/folders/${folder.id}`); await refresh(); })}>Close it</button>`}
    </p>
    <${Problem} text=${error} />
    ${opening && html`<${Browse} onClose=${() => setOpening(false)} onOpen=${attempt(async (path) => {
      const f = await post('/api/folders', { path });
      setOpening(false);
      await refresh(f.id);
    })} />`}
    ${folder && model && html`<${InFolder} key=${`${folder.id} ${model.name}`} folder=${folder} model=${model.name} />`}`;
}

// Browse walks through the folders of this machine.
function Browse({ onClose, onOpen }) {
  const [here, setHere] = useState(null);
  const [path, setPath] = useState('');
  const [error, attempt] = useTry();
  const go = attempt(async (to) => {
    const l = await get(`/api/browse?path=${encodeURIComponent(to)}`);
    setHere(l);
    setPath(l.path);
  });
  useEffect(() => { go(''); }, []);
  const join = (name) => (here.path.endsWith('/') || here.path.endsWith('\\') ? here.path : here.path + (here.path.includes('\\') ? '\\' : '/')) + name;
  return html`<${Dialog} title="Open a folder of pictures" onClose=${onClose}>
    <form class="row" onSubmit=${(e) => { e.preventDefault(); go(path); }}>
      <label class="field wide">Folder <input value=${path} onInput=${(e) => setPath(e.target.value)} /></label>
      <button>Go there</button>
    </form>
    <${Problem} text=${error} />
    ${here && html`<ul class="folders">
        ${here.parent && html`<li><button class="plain" onClick=${() => go(here.parent)}>↑ one folder up</button></li>`}
        ${here.folders.map((name) => html`<li key=${name}><button class="plain" onClick=${() => go(join(name))}>${name}</button></li>`)}
      </ul>
      <p class="row"><button class="main" onClick=${() => onOpen(here.path)}>Open this folder</button>
        <span>${count(here.pictures, 'picture')} here${here.folders.length ? ', and those of the folders in it' : ''}</span></p>`}
  <//>`;
}

function InFolder({ folder, model }) {
  const job = latest((j) => j.kind === 'index' && j.request.folder === folder.id && (!j.request.model || j.request.model === model));
  const result = useResult(job);
  const [text, setText] = useState('');
  const [found, setFound] = useState(null);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(null);
  const [error, attempt] = useTry();
  const index = attempt(() => start({ kind: 'index', folder: folder.id, model }));
  const search = attempt(async (q) => {
    setBusy(true);
    try {
      setFound({ ...(await post('/api/search', { folder: folder.id, model, ...q })), of: q });
    } finally {
      setBusy(false);
    }
  });
  const working = job && !ended(job);
  const paused = job?.state === 'cancelled';
  return html`
    ${working ? html`<${JobBar} job=${job} what="Reading the folder" stop="Pause" />`
      : html`<p class="row"><button class=${result ? '' : 'main'} onClick=${index}>${paused ? 'Resume' : result ? 'Look for new pictures' : 'Read the folder'}</button>
        <span class="hint" role="status">${paused ? `Paused at ${job.done} of ${job.total}. What was read is kept.`
          : result ? `${count(result.pictures, 'picture')} can be found.` : ''}</span></p>`}
    ${job?.state === 'failed' && html`<${Problem} text=${job.error} />`}
    ${result?.left > 0 && html`<details><summary>${count(result.left, 'picture')} cannot be read</summary><ul>${(result.why || []).map((w) => html`<li>${w}</li>`)}</ul></details>`}
    <form class="row" role="search" onSubmit=${(e) => { e.preventDefault(); search({ text }); }}>
      <label class="field wide">What is in the picture
        <input type="search" value=${text} placeholder="a dog on the beach" onInput=${(e) => setText(e.target.value)} /></label>
      <button class="main" disabled=${busy || !text.trim()}>Search</button>
      <${Chooser} small label="or find pictures like this one" onPicture=${(p) => search({ picture: p.id })} />
    </form>
    <${Problem} text=${error} />
    ${found && html`<p class="hint" role="status">${found.hits.length} of ${count(found.pictures, 'picture')}, nearest first, in ${seconds(found.seconds)}.</p>
      <ul class="grid">${found.hits.map((h) => html`<li key=${h.file}>
        <button class="plain" onClick=${() => setOpen(h)}>
          <img loading="lazy" src=${url(`/api/folders/${folder.id}/picture?file=${encodeURIComponent(h.file)}`)} alt="" />
          <span>${h.file}</span><span class="hint">${h.cosine.toFixed(3)}</span>
        </button></li>`)}</ul>`}
    ${open && html`<${Opened} folder=${folder} hit=${open} onClose=${() => setOpen(null)} />`}`;
}

// Opened shows a picture that was found, and takes it to another page.
function Opened({ folder, hit, onClose }) {
  const [error, attempt] = useTry();
  const [p, setP] = useState(null);
  useEffect(() => { attempt(async () => setP(await post('/api/pictures/open', { folder: folder.id, file: hit.file })))(); }, []);
  const use = attempt(async (name) => {
    picture.set(p);
    location.hash = link(name);
  });
  return html`<${Dialog} title=${hit.file} onClose=${onClose}>
    <${Problem} text=${error} />
    ${p && html`<img class="large" src=${url(`/api/pictures/${p.id}`)} alt=${hit.file} />
      <p class="row">
        <button onClick=${() => use('enlarge')}>Enlarge it</button>
        <button onClick=${() => use('cutout')}>Cut out of it</button>
        <button onClick=${() => use('look')}>Look into it</button>
      </p>`}
  <//>`;
}
