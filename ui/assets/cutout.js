// Cut out: SAM's masks by clicks, a box, or all at once.
import { html, useEffect, useMemo, useRef, useState } from './vendor/preact-htm.js';
import { chosen, choice, ended, latest, models, picture, post, save, start, url, useResult } from './api.js';
import { count, Current, JobBar, ModelChoice, Problem, seconds, useTry } from './parts.js';

const fits = (c) => c.task === 'promptable-masks';
const colors = ['#e63c32', '#3282e6', '#28aa50', '#f0aa1e', '#9650c8', '#14b4b4', '#e664aa', '#827828'];

export function Cutout() {
  const p = picture.use();
  models.use();
  chosen.use();
  const model = choice('sam', fits);
  const [error, attempt] = useTry();
  const mine = (kind) => (j) => j.kind === kind && j.request.picture === p?.id && j.request.model === model?.name;
  const embed = latest(mine('embed'));
  const ready = useResult(embed);
  const all = latest(mine('everything'));
  const regions = useResult(all);
  const begin = attempt(() => start({ kind: 'embed', picture: p.id, model: model.name }));
  useEffect(() => {
    if (p && model && !embed) begin();
  }, [p?.id, model?.name]);
  return html`
    ${!p && html`<p class="lead">Click on a thing in a picture to cut it out.</p>`}
    <${Current} />
    <${ModelChoice} id="sam" fits=${fits} label="Model" none="Cutting out needs a model that is not here yet." />
    <${Problem} text=${error} />
    ${p && model && html`
      <${JobBar} job=${embed} what="Looking at the picture" />
      ${embed && ended(embed) && embed.state !== 'done' && html`<button class="main" onClick=${begin}>Look at the picture again</button>`}
      ${ready && html`<${Canvas} key=${`${p.id} ${model.name}`} p=${p} model=${model.name} ready=${ready} regions=${regions} again=${begin} />
        <p class="row"><button disabled=${all && !ended(all)} onClick=${attempt(() => start({ kind: 'everything', picture: p.id, model: model.name }))}>
          Find everything</button></p>
        <${JobBar} job=${all} what="Finding everything" />
        ${regions && html`<p class="hint">${count(regions.regions.length, 'region')}. ${regions.regions.length ? 'Click on one to cut it out.' : 'The model is sure of none.'}</p>`}`}`}`;
}

// fill turns on the pixels of a mask, whose runs go down the columns.
function fill(counts, height, each) {
  let at = 0;
  counts.forEach((n, i) => {
    if (i % 2) for (let k = at; k < at + n; k++) each(Math.floor(k / height), k % height);
    at += n;
  });
}

function rgb(color) {
  return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
}

function paint(canvas, { width, height }, layers) {
  const context = canvas.getContext('2d');
  const data = context.createImageData(width, height);
  for (const { counts, color, alpha } of layers) {
    const [r, g, b] = rgb(color);
    fill(counts, height, (x, y) => data.data.set([r, g, b, alpha], 4 * (y * width + x)));
  }
  context.putImageData(data, 0, 0);
}

const empty = { points: [], labels: [], box: null };

function Canvas({ p, model, ready, regions, again }) {
  const [prompt, setPrompt] = useState(empty);
  const [past, setPast] = useState([]);
  const [mask, setMask] = useState(null);
  const [cursor, setCursor] = useState([0.5, 0.5]);
  const [keys, setKeys] = useState(false); // the keyboard moves the cursor
  const [corner, setCorner] = useState(null); // the first of a box
  const [error, attempt] = useTry();
  const canvas = useRef();
  const drag = useRef(null);
  const asked = useRef({ busy: false, next: null });
  const turn = useRef(0); // of what the mask should show
  const used = prompt.points.length > 0 || prompt.box;

  // request asks for the mask of a prompt. Of those that wait only the last is asked.
  const request = async (q, mine = ++turn.current) => {
    if (asked.current.busy) {
      asked.current.next = [q, mine];
      return;
    }
    asked.current.busy = true;
    try {
      const m = await post('/api/masks', { model, picture: p.id, points: q.points, labels: q.labels, box: q.box });
      if (mine === turn.current) setMask({ ...m, preview: q.preview });
    } catch (e) {
      if (/not embedded/.test(e.message)) again();
      else if (!q.preview) throw e;
    } finally {
      asked.current.busy = false;
      const { next } = asked.current;
      asked.current.next = null;
      if (next) attempt(() => request(...next))();
    }
  };
  const clear = () => {
    turn.current++;
    asked.current.next = null;
    setMask(null);
  };
  const show = async (q) => {
    setPrompt(q);
    if (q.points.length || q.box) await request(q);
    else clear();
  };
  const change = attempt(async (next) => {
    setPast([...past, prompt]);
    await show(next);
  });
  const undo = attempt(async () => {
    const before = past[past.length - 1];
    if (!before) return;
    setPast(past.slice(0, -1));
    await show(before);
  });
  const addPoint = ([x, y], label) => {
    const near = prompt.points.findIndex(([a, b]) => Math.hypot((a - x) * ready.width, (b - y) * ready.height) < 8);
    if (near >= 0 && !label) { // a point that is there goes
      change({ ...prompt, points: prompt.points.filter((_, i) => i !== near), labels: prompt.labels.filter((_, i) => i !== near) });
      return;
    }
    change({ ...prompt, points: [...prompt.points, [x, y]], labels: [...prompt.labels, label] });
  };
  const addBox = ([a, b], [c, d]) => change({ ...prompt, box: [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)] });

  const place = (e) => {
    const r = canvas.current.getBoundingClientRect();
    const within = (v) => Math.min(Math.max(v, 0), 1);
    return [within((e.clientX - r.left) / r.width), within((e.clientY - r.top) / r.height)];
  };
  const down = (e) => {
    if (e.button) return;
    canvas.current.setPointerCapture(e.pointerId);
    drag.current = { from: place(e), x: e.clientX, y: e.clientY };
    setKeys(false);
  };
  const move = (e) => {
    const at = place(e);
    if (drag.current && Math.hypot(e.clientX - drag.current.x, e.clientY - drag.current.y) > 6) {
      drag.current.to = at;
      setCorner(drag.current.from);
      setCursor(at);
    } else if (!used && !drag.current && e.pointerType === 'mouse') {
      request({ points: [at], labels: [1], box: null, preview: true }).catch(() => {});
    }
  };
  const up = (e) => {
    const d = drag.current;
    drag.current = null;
    setCorner(null);
    if (!d) return;
    if (d.to && Math.abs(d.to[0] - d.from[0]) > 0.005 && Math.abs(d.to[1] - d.from[1]) > 0.005) addBox(d.from, d.to);
    else addPoint(d.from, e.shiftKey ? 0 : 1);
  };
  const key = (e) => {
    const step = e.shiftKey ? 0.05 : 0.01;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key];
    if (by) {
      setKeys(true);
      setCursor(cursor.map((v, i) => Math.min(Math.max(v + by[i], 0), 1)));
    } else if (e.key === 'Enter' || e.key === ' ') addPoint(cursor, e.shiftKey ? 0 : 1);
    else if (e.key === 'b') {
      if (corner) addBox(corner, cursor);
      setCorner(corner ? null : cursor);
      setKeys(true);
    } else if (e.key === 'Escape') setCorner(null);
    else if (e.key === 'Backspace' || (e.key === 'z' && (e.ctrlKey || e.metaKey))) undo();
    else return;
    e.preventDefault();
  };

  const layers = useMemo(() => {
    const list = [];
    if (regions && !used) regions.regions.forEach((r, i) => list.push({ counts: r.segmentation.counts, color: colors[i % colors.length], alpha: 110 }));
    if (mask) list.push({ counts: mask.mask.counts, color: '#3282e6', alpha: mask.preview ? 90 : 150 });
    return list;
  }, [regions, mask, used]);
  useEffect(() => { paint(canvas.current, ready, layers); }, [layers]);

  const out = (form) => attempt(() => save('/api/cutout', `${p.name.replace(/\.[^.]*$/, '')}_${form}.png`,
    { model, picture: p.id, points: prompt.points, labels: prompt.labels, box: prompt.box, form }))();
  const at = ([x, y]) => ({ left: `${100 * x}%`, top: `${100 * y}%` });
  const shown = corner ? [corner, cursor] : prompt.box && [prompt.box.slice(0, 2), prompt.box.slice(2)];
  return html`
    <p class="hint" id="how">Click: add to the object. Shift and click: leave out, or take a point away. Drag: a box.
      Keyboard: arrows move, Enter adds, Shift and Enter leaves out, b begins and ends a box, Backspace takes back.</p>
    <div class="stage" style=${{ aspectRatio: `${ready.width} / ${ready.height}`, maxWidth: `${Math.max(ready.width, 320)}px` }}>
      <img src=${url(`/api/pictures/${p.id}`)} alt=${p.name} />
      <canvas ref=${canvas} width=${ready.width} height=${ready.height} tabindex="0" role="application"
        aria-label="Picture to cut from" aria-describedby="how"
        onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onKeyDown=${key}
        onPointerLeave=${() => { if (!used) clear(); }} />
      ${prompt.points.map((q, i) => html`<span class=${`point ${prompt.labels[i] ? 'in' : 'out'}`} style=${at(q)} />`)}
      ${shown && html`<span class="box" style=${{
        left: `${100 * Math.min(shown[0][0], shown[1][0])}%`, top: `${100 * Math.min(shown[0][1], shown[1][1])}%`,
        width: `${100 * Math.abs(shown[1][0] - shown[0][0])}%`, height: `${100 * Math.abs(shown[1][1] - shown[0][1])}%` }} />`}
      ${keys && html`<span class="cursor" style=${at(cursor)} />`}
    </div>
    <${Problem} text=${error} />
    <p class="row">
      <button onClick=${undo} disabled=${!past.length}>Undo</button>
      <button onClick=${() => change(empty)} disabled=${!used}>Start over</button>
      <button class="main" disabled=${!used} onClick=${() => out('cutout')}>Download the cut-out</button>
      <button disabled=${!used} onClick=${() => out('mask')}>Download the mask</button>
    </p>
    <p class="hint" role="status">${used && mask ? `${(100 * mask.area).toFixed(1)} % of the picture, score ${mask.score.toFixed(2)}, found in ${seconds(mask.seconds)}` : ''}</p>`;
}
