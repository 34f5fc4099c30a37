#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// ort.js [options] MODEL.onnx
//
// Runs one model with onnxruntime-node and prints one line of JSON. The input
// and the expected output come from MODEL.safetensors beside it (see models.py),
// or from input_0.pb, output_0.pb and so on in the folder --data.
//
// The first run, compilation included, is the cold one; then come warm-up runs
// and timed runs. A run starts with the input in host memory and ends with the
// output in host memory: upload, every dispatch and readback are in its time.
// The session may not fall back to the CPU provider: a node that WebGPU does
// not take is an error, unless --fallback allows it.

'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const tensors = require('./tensors.js');

const options = {
  provider: { type: 'string', default: 'webgpu' },
  nhwc: { type: 'boolean', default: false },
  data: { type: 'string' },
  make: { type: 'string' },
  fallback: { type: 'boolean', default: false },
  runs: { type: 'string', default: '5' },
  warmup: { type: 'string', default: '2' },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};
const usage = `usage: ort.js [options] MODEL.onnx
  --provider webgpu|cpu   execution provider (webgpu)
  --nhwc                  run MODEL.nhwc.onnx instead: no transposes round a convolution
  --data FOLDER           inputs and expected outputs
  --make FOLDER           write seeded inputs and the CPU provider's outputs there, and end
  --fallback              nodes that WebGPU does not take run on the CPU
  --runs N                timed runs (5); 0: print as soon as the first output is there
  --warmup N              runs between the first and the timed ones (2)
  --verbose               ONNX Runtime's own log on stderr: placement, programs`;

// readSafetensors returns { shape, data } of the first of a file's float32
// tensors whose name begins with prefix, and reads nothing else: the weights
// are the model's own.
function readSafetensors(file, prefix) {
  const fd = fs.openSync(file);
  const read = (length, position) => {
    const bytes = new Uint8Array(length);
    if (fs.readSync(fd, bytes, 0, length, position) !== length) throw new Error(`${file}: too short`);
    return bytes;
  };
  try {
    const n = Number(new DataView(read(8, 0).buffer).getBigUint64(0, true));
    const header = JSON.parse(Buffer.from(read(n, 8)).toString());
    const t = header[Object.keys(header).find((k) => k.startsWith(prefix))];
    const [begin, end] = t.data_offsets;
    return { shape: t.shape, data: new Float32Array(read(end - begin, 8 + n + begin).buffer) };
  } finally {
    fs.closeSync(fd);
  }
}

// channelsLast lays an NCHW tensor out as NHWC.
function channelsLast({ shape: [b, c, h, w], data }) {
  const out = new Float32Array(data.length);
  let o = 0;
  for (let i = 0; i < b; i++)
    for (let p = 0; p < h * w; p++)
      for (let j = 0; j < c; j++) out[o++] = data[(i * c + j) * h * w + p];
  return { shape: [b, h, w, c], data: out };
}

function median(times) {
  const s = [...times].sort((a, b) => a - b);
  const m = s.length >> 1;
  return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2;
}

// compare returns the largest difference, the largest expected value and, of several
// outputs, the largest difference relative to its own output's. JSON has no NaN: one in an
// output counts as the largest number.
function compare(results, wanted) {
  if (results.length < wanted.length) throw new Error(`${results.length} outputs, expected ${wanted.length}`);
  const worst = { max_abs_diff: 0, max_abs_expected: 0, max_rel_diff: 0 };
  wanted.forEach((want, k) => {
    const got = results[k];
    if (got.length !== want.length) throw new Error(`output ${k} has ${got.length} values, expected ${want.length}`);
    let diff = 0;
    let scale = 0;
    for (let i = 0; i < want.length; i++) {
      const d = got[i] === want[i] ? 0 : Math.abs(got[i] - want[i]);
      diff = Math.max(diff, Number.isNaN(d) ? Number.MAX_VALUE : d);
      scale = Math.max(scale, Math.abs(want[i]));
    }
    worst.max_abs_diff = Math.max(worst.max_abs_diff, diff);
    worst.max_abs_expected = Math.max(worst.max_abs_expected, scale);
    worst.max_rel_diff = Math.max(worst.max_rel_diff, Math.min(scale ? diff / scale : diff, Number.MAX_VALUE));
  });
  return worst;
}

// given returns the inputs and the expected outputs: of --data, or of the safetensors file
// beside the model.
function given(opt, base, session) {
  if (opt.data) return { inputs: tensors.list(opt.data, 'input'), outputs: tensors.list(opt.data, 'output').map(tensors.numbers) };
  const pick = (prefix) => {
    const t = readSafetensors(base + '.safetensors', prefix);
    return opt.nhwc ? channelsLast(t) : t;
  };
  const { shape, data } = pick('input/');
  const type = session.inputMetadata[0].type;
  const input = { type, dims: shape, data: type === 'int64' ? BigInt64Array.from(data, BigInt) : data }; // token ids
  return { inputs: [input], outputs: [pick('output/').data] };
}

// make writes seeded inputs, and the outputs for them, to a folder.
async function make(folder, ort, session) {
  const feeds = {};
  session.inputMetadata.forEach(({ name, type, shape }, i) => {
    if (shape.some((d) => typeof d !== 'number' || d < 1)) throw new Error(`input ${name} is ${shape}: it needs data of its own`);
    const t = tensors.seeded(type, shape);
    tensors.write(path.join(folder, `input_${i}.pb`), t);
    feeds[name] = new ort.Tensor(type, t.data, t.dims);
  });
  const results = await session.run(feeds);
  session.outputNames.forEach((name, i) => tensors.write(path.join(folder, `output_${i}.pb`), results[name]));
}

async function main() {
  const { values: opt, positionals } = parseArgs({ options, allowPositionals: true });
  if (opt.help || positionals.length !== 1) {
    console.log(usage);
    process.exitCode = opt.help ? 0 : 2;
    return;
  }
  const base = positionals[0].replace(/\.onnx$/, '');
  const ort = require('onnxruntime-node');
  const model = base + (opt.nhwc ? '.nhwc.onnx' : '.onnx');
  const session = await ort.InferenceSession.create(model, {
    executionProviders: opt.make ? ['cpu'] : [opt.provider],
    graphOptimizationLevel: opt.make ? 'disabled' : 'all',
    logSeverityLevel: opt.verbose ? 0 : 3,
    extra: opt.provider === 'cpu' || opt.fallback || opt.make ? {} : { session: { disable_cpu_ep_fallback: '1' } },
  });
  if (opt.make) {
    await make(opt.make, ort, session);
    return;
  }
  const { inputs, outputs } = given(opt, base, session);
  const feeds = {};
  inputs.forEach(({ type, dims, data }, i) => {
    feeds[session.inputNames[i]] = [type, data, dims];
  });
  const run = async () => {
    const fed = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, new ort.Tensor(...t)]));
    const result = await session.run(fed);
    return session.outputNames.map((name) => result[name]);
  };

  const first = await run();
  const cold = performance.now(); // since performance.timeOrigin: the start of the process
  process.stdout.write(`{"cold_ms": ${cold.toFixed(3)}`); // for compare, which waits for the first byte

  const runs = Number(opt.runs);
  const times = [];
  let before;
  for (let i = 0; runs > 0 && i < Number(opt.warmup) + runs; i++) {
    if (i === Number(opt.warmup)) before = process.cpuUsage();
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  times.splice(0, Number(opt.warmup));
  const spent = process.cpuUsage(before);

  const rest = {
    name: path.basename(base),
    provider: opt.provider,
    version: ort.env.versions.node,
    ...(runs > 0 && {
      warm_median_ms: Number(median(times).toFixed(3)),
      warm_min_ms: Number(Math.min(...times).toFixed(3)),
      processor_ms: Number(((spent.user + spent.system) / 1e3 / runs).toFixed(3)),
    }),
    runs,
    ...compare(first.map(tensors.numbers), outputs),
  };
  process.stdout.write(', ' + JSON.stringify(rest).slice(1) + '\n');
}

main().catch((err) => {
  console.error(`ort.js: ${err.message}`);
  process.exitCode = 1;
});
