// node clients.mjs HTTP GRPC PICTURE TEXT [IMMICH] asks vertebra serve with clients of other
// authors and prints what they get as JSON. The server has a CLIP under the name CLIP.
// IMMICH is Immich's own client, server/src/repositories/machine-learning.repository.ts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { build } from 'esbuild';
import OpenAI from 'openai';

const [http, address, picture, text, immich] = process.argv.slice(2);
const model = 'CLIP';
const file = fs.readFileSync(picture);
const floats = (raw) => Array.from(new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)));
const results = {};

// gRPC, by the published proto as it is read at run time.
const proto = path.join(import.meta.dirname, '../../../serve/inference/open_inference_grpc.proto');
const { inference } = grpc.loadPackageDefinition(loader.loadSync(proto, { keepCase: true, longs: Number, defaults: true }));
const client = new inference.GRPCInferenceService(address, grpc.credentials.createInsecure());
const call = (method, request) => new Promise((done, failed) => client[method](request, (err, got) => (err ? failed(err) : done(got))));
results.live = (await call('ServerLive', {})).live;
results.metadata = (await call('ModelMetadata', { name: model })).inputs;
const input = { name: 'input', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [file] } };
results.grpc = floats((await call('ModelInfer', { model_name: model, inputs: [input] })).raw_output_contents[0]);
results.error = await call('ModelInfer', { model_name: 'none', inputs: [input] }).catch((err) => err.code);
client.close();

// REST, with binary data in both directions.
const element = Buffer.alloc(4 + file.length);
element.writeUInt32LE(file.length);
file.copy(element, 4);
const head = Buffer.from(JSON.stringify({
  inputs: [{ name: 'input', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: element.length } }],
  parameters: { binary_data_output: true },
}));
const response = await fetch(`${http}/v2/models/${model}/infer`, {
  method: 'POST', body: Buffer.concat([head, element]), headers: { 'Inference-Header-Content-Length': String(head.length) },
});
const body = Buffer.from(await response.arrayBuffer());
results.rest = floats(body.subarray(Number(response.headers.get('Inference-Header-Content-Length'))));

// OpenAI's client, which asks for base64 unless it is told not to.
const openai = new OpenAI({ baseURL: `${http}/v1`, apiKey: 'none' });
const both = [text, `data:image/png;base64,${file.toString('base64')}`];
results.openai = (await openai.embeddings.create({ model, input: both })).data.map((d) => d.embedding);
results.openaiFloat = (await openai.embeddings.create({ model, input: both, encoding_format: 'float' })).data.map((d) => d.embedding);

if (immich) {
  // What the client imports beside its own text is not needed here.
  const absent = { name: 'absent', setup(b) {
    b.onResolve({ filter: /^(src\/|@nestjs|luxon)/ }, (a) => ({ path: a.path, namespace: 'absent' }));
    b.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ loader: 'js', contents: `
      export const Injectable = () => (c) => c;
      export const Duration = { fromObject: (o) => ({ as: () => o.milliseconds }) };
      export const isAssetIdOnlyClipModel = () => false, isAssetIdOnlyFaceModel = () => false, isAssetIdOnlyOcrModel = () => false;
      export class LoggingRepository {}` }));
  } };
  const out = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'clients-')), 'immich.mjs');
  await build({ entryPoints: [immich], bundle: true, format: 'esm', platform: 'node', outfile: out, plugins: [absent], logLevel: 'error', tsconfigRaw: { compilerOptions: { experimentalDecorators: true } } });
  const { MachineLearningRepository } = await import(out);
  const lines = [];
  const learning = new MachineLearningRepository({ setContext() {}, log: (l) => lines.push(l), warn: (l) => lines.push(l) });
  learning.setup({ enabled: true, urls: [http], availabilityChecks: { enabled: true, timeout: 5000, interval: 60000 } });
  results.immich = {
    text: JSON.parse(await learning.encodeText(text, { language: 'en', modelName: model })),
    picture: JSON.parse(await learning.encodeImage('1', picture, { modelName: model })),
  };
  learning.teardown();
  results.immich.log = lines;
}
console.log(JSON.stringify(results));
