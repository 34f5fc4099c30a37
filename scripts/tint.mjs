// node tint.mjs WEBGPU FILE...: compiles WGSL with Tint. WEBGPU is the index.js of npm's
// package webgpu. Prints the errors; the status is 1 if there is one.
import fs from 'node:fs';
const { create } = await import(process.argv[2]);

const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error('no adapter');
const device = await adapter.requestDevice();
let errors = 0;
for (const file of process.argv.slice(3)) {
  const module = device.createShaderModule({ code: fs.readFileSync(file, 'utf8') });
  for (const m of (await module.getCompilationInfo()).messages) {
    if (m.type !== 'error') continue;
    console.log(`${file}:${m.lineNum}:${m.linePos}: ${m.message}`);
    errors++;
  }
}
process.exit(errors ? 1 : 0);
