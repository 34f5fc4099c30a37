// The frame around the pages.
import { html, render, useEffect, useRef, useState } from './vendor/preact-htm.js';
import { ended, get, jobs, link, online, page, refreshModels, token } from './api.js';
import { Enlarge } from './enlarge.js';
import { Cutout } from './cutout.js';
import { Search } from './search.js';
import { Look } from './look.js';
import { Models } from './models.js';
import { Device } from './device.js';

const pages = {
  enlarge: ['Enlarge', Enlarge],
  cutout: ['Cut out', Cutout],
  search: ['Search', Search],
  look: ['Look', Look],
  models: ['Models', Models],
  device: ['Device', Device],
};

function App() {
  const [name, setName] = useState(page());
  const [state, setState] = useState(null);
  const [error, setError] = useState('');
  const heading = useRef();
  const first = useRef(true);
  useEffect(() => {
    const turn = () => setName(page());
    addEventListener('hashchange', turn);
    get('/api/state').then(setState, (e) => setError(e.message));
    refreshModels().catch(() => {});
    return () => removeEventListener('hashchange', turn);
  }, []);
  const [title, Page] = pages[name] || pages.enlarge;
  useEffect(() => {
    document.title = `${title} – vertebra`;
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [name]);
  const running = [...jobs.use().values()].filter((j) => !ended(j));
  return html`
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); heading.current.focus(); }}>To the content</a>
    <header class="top">
      <p class="name"><img src="icon.svg" alt="" width="24" height="24" /> vertebra</p>
      <nav aria-label="Pages"><ul>
        ${Object.entries(pages).map(([key, [text]]) => html`<li><a href=${link(key)}
          aria-current=${key === name ? 'page' : undefined}>${text}</a></li>`)}
      </ul></nav>
      <p class="running" role="status">${running.length ? `${running.length} ${running.length > 1 ? 'jobs' : 'job'} running` : ''}</p>
    </header>
    <main id="main">
      <h1 ref=${heading} tabindex="-1">${title}</h1>
      ${!online.use() && html`<p class="problem" role="alert">The server does not answer. Start it again with: vertebra ui</p>`}
      ${error ? html`<p class="problem" role="alert">${error}</p>` : html`<${Page} state=${state} />`}
    </main>
    <footer>
      <p>Photos never leave this machine. ${state && `vertebra ${state.version}, ${state.system}.`}</p>
    </footer>`;
}

if (!token) {
  document.querySelector('#app').textContent = 'This address has no token: open the one that vertebra ui printed.';
} else {
  for (const name of ['dragover', 'drop']) addEventListener(name, (e) => e.preventDefault()); // a browser would leave the page
  render(html`<${App} />`, document.querySelector('#app'));
}
