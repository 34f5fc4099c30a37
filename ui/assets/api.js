// The server's routes, and the state that all pages share.
import { useEffect, useState } from './vendor/preact-htm.js';

const hash = () => new URLSearchParams(location.hash.slice(1));
export const token = hash().get('t') || sessionStorage.getItem('token') || '';
sessionStorage.setItem('token', token);

// page and link turn a page's name into the part of the address behind # and back.
export const page = () => hash().get('p') || 'enlarge';
export const link = (name) => `#t=${token}&p=${name}`;

// url is the address of a route for an <img>, which cannot send a header.
export const url = (path) => `${path}${path.includes('?') ? '&' : '?'}token=${token}`;

async function ask(method, path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Error('The server does not answer. Start it again with: vertebra ui');
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error || `The server answers ${answer.status}.`);
  }
  return answer;
}

const json = (body) => ({ body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
export const get = async (path, options) => (await ask('GET', path, options)).json();
export const post = async (path, body, options) => (await ask('POST', path, { ...json(body), ...options })).json();
export const put = async (path, body) => (await ask('PUT', path, json(body))).json();
export const remove = async (path) => (await ask('DELETE', path)).json();
export const upload = async (file) =>
  (await ask('POST', `/api/pictures?name=${encodeURIComponent(file.name || 'pasted')}`, { body: file })).json();

// save downloads what a route answers as a file.
export async function save(path, name, body) {
  const answer = await ask(body ? 'POST' : 'GET', path, body ? json(body) : {});
  const a = document.createElement('a');
  a.href = URL.createObjectURL(await answer.blob());
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}

// A store is a value that pages share. use() renders a page again when it changes.
function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      watchers.forEach((w) => w({}));
    },
    use() {
      const [, again] = useState({});
      const shown = value;
      useEffect(() => {
        watchers.add(again);
        if (value !== shown) again({}); // it changed before the effect ran
        return () => watchers.delete(again);
      }, []);
      return value;
    },
  };
}

// remembered is a store whose value outlives a reload of the tab.
function remembered(key) {
  const s = store(JSON.parse(sessionStorage.getItem(key) || 'null'));
  const set = s.set;
  s.set = (v) => {
    sessionStorage.setItem(key, JSON.stringify(v));
    set(v);
  };
  return s;
}

export const picture = remembered('picture'); // that all pages work on
export const chosen = remembered('chosen'); // names of models, by task
export const jobs = store(new Map());
export const online = store(true);
export const models = store(null);

export const refreshModels = async () => models.set(await get('/api/models'));

// use keeps a picture, from a file or an open folder, for all pages.
export async function take(file) {
  const p = file instanceof Blob ? await upload(file) : await post('/api/pictures/open', file);
  picture.set(p);
  return p;
}

// choices lists the models that can be used at once and fit; choice is the one in use.
export const choices = (fits) => (models.get()?.choices || []).filter(fits);
export const choice = (key, fits) => {
  const all = choices(fits);
  return all.find((c) => c.name === (chosen.get() || {})[key]) || all[0];
};

// start starts a job, and cancel ends it.
export async function start(request) {
  const j = await post('/api/jobs', request);
  if (!jobs.get().has(j.id)) put_(j); // else an event was quicker, and knows more
  return j;
}
export const cancel = (job) => post(`/api/jobs/${job.id}/cancel`, {});

function put_(j) {
  const all = new Map(jobs.get());
  if (j.state === 'forgotten') all.delete(j.id);
  else all.set(j.id, j);
  jobs.set(all);
}

export const ended = (j) => !['waiting', 'running'].includes(j.state);

// latest is the newest job that fits.
export const latest = (fits) => [...jobs.use().values()].filter(fits).sort((a, b) => b.id - a.id)[0];

// useResult is the result of a job, once there is one.
export function useResult(job) {
  const [result, set] = useState(null);
  const key = job && `${job.id} ${job.state} ${job.state === 'running' ? job.done : ''}`;
  useEffect(() => {
    let current = true;
    if (!job || job.state === 'waiting') set(null);
    else if (['running', 'done'].includes(job.state)) {
      get(`/api/jobs/${job.id}`).then((j) => current && set(j.result ? { id: j.id, ...j.result } : null), () => {});
    }
    return () => { current = false; };
  }, [key]);
  return job && result && result.id === job.id ? result : null;
}

// Several downloads that ended, as a new stream tells them, are one reason to ask.
let soon;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(() => refreshModels().catch(() => {}), 50);
}

// A hidden tab holds no stream: browsers allow few for a server.
let stream;
function listen() {
  stream?.close();
  stream = undefined;
  if (document.hidden || !token) return;
  stream = new EventSource(url('/api/events'));
  stream.addEventListener('open', () => online.set(true));
  stream.addEventListener('error', () => online.set(false));
  stream.addEventListener('job', (e) => {
    const j = JSON.parse(e.data);
    const before = jobs.get().get(j.id);
    put_(j);
    if (j.kind === 'download' && j.state === 'done' && !(before && ended(before))) refreshSoon();
  });
}
document.addEventListener('visibilitychange', listen);
listen();
