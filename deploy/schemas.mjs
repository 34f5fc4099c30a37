// node schemas.mjs OUT SWAGGER CRD... writes a JSON schema for each kind of Kubernetes'
// API, and of custom resources, as kubeconform looks for them. Fields that the API does not
// have are errors.
//
// node schemas.mjs --compose SCHEMA FILE... checks compose files.
import fs from 'node:fs';
import path from 'node:path';
import YAML from 'yaml';
import Ajv from 'ajv';
import formats from 'ajv-formats';

const read = (file) => YAML.parse(fs.readFileSync(file, 'utf8'));

// strict forbids unknown fields, in place.
function strict(s) {
  if (s === null || typeof s !== 'object') return s;
  if (s.properties && !('additionalProperties' in s) && !s['x-kubernetes-preserve-unknown-fields']) s.additionalProperties = false;
  if (s['x-kubernetes-int-or-string'] || s.format === 'int-or-string') {
    delete s.type;
    delete s.format;
    s.oneOf = [{ type: 'string' }, { type: 'integer' }];
  }
  for (const inner of Object.values(s)) strict(inner);
  return s;
}

const [out, ...rest] = process.argv.slice(2);
if (out === '--compose') {
  const schema = JSON.parse(fs.readFileSync(rest[0]));
  delete schema.$schema; // its address is not one that Ajv knows
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats(ajv);
  ajv.addFormat('duration', true); // of Go, not of ISO 8601
  const check = ajv.compile(schema);
  for (const file of rest.slice(1)) {
    if (check(read(file))) {
      console.log(`${file}: valid`);
      continue;
    }
    for (const e of check.errors) console.log(`${file}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
    process.exitCode = 1;
  }
} else {
  const swagger = JSON.parse(fs.readFileSync(rest[0]));
  const write = (name, schema) => fs.writeFileSync(path.join(out, `${name}.json`), JSON.stringify(schema));
  const definitions = strict(swagger.definitions);
  // needed adds to found what a definition refers to.
  const needed = (name, found) => {
    if (name in found) return found;
    found[name] = definitions[name];
    for (const [, inner] of JSON.stringify(found[name]).matchAll(/"#\/definitions\/([^"]+)"/g)) needed(inner, found);
    return found;
  };
  const suffix = (group, version) => `-${group ? `${group.split('.')[0]}-` : ''}${version}`.toLowerCase();
  for (const [name, d] of Object.entries(definitions)) {
    for (const { group, version, kind } of d['x-kubernetes-group-version-kind'] ?? []) {
      const file = kind.toLowerCase() + suffix(group, version);
      write(file, { $ref: `#/definitions/${name}`, definitions: needed(name, {}) });
    }
  }
  for (const file of rest.slice(1)) {
    const { spec } = read(file);
    for (const v of spec.versions) {
      const schema = strict(v.schema.openAPIV3Schema);
      schema.properties.metadata = { type: 'object' };
      write(spec.names.kind.toLowerCase() + suffix(spec.group, v.name), schema);
    }
  }
}
