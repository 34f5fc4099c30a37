// SPDX-License-Identifier: Apache-2.0
//
// ONNX's files of one tensor (TensorProto), such as test_data_set_0/input_0.pb.

'use strict';
const fs = require('node:fs');
const path = require('node:path');

// The element types that ONNX Runtime for Node takes: their numbers in TensorProto, and the
// arrays that hold them. Elements of float16 are bits.
const types = {
  float32: { number: 1, array: Float32Array },
  uint8: { number: 2, array: Uint8Array },
  int8: { number: 3, array: Int8Array },
  int32: { number: 6, array: Int32Array },
  int64: { number: 7, array: BigInt64Array },
  bool: { number: 9, array: Uint8Array },
  float16: { number: 10, array: Uint16Array },
  float64: { number: 11, array: Float64Array },
};
const typeOf = (number) => {
  const found = Object.keys(types).find((t) => types[t].number === number);
  if (!found) throw new Error(`elements of type ${number} are not read`);
  return found;
};

// fields yields the fields of a message: [number, BigInt or bytes].
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let n = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = bytes[at++];
      if (b === undefined) throw new Error('a message ends too early');
      n |= BigInt(b & 127) << shift;
      if (b < 128) return BigInt.asIntN(64, n);
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === 0) {
      yield [key >> 3, varint()];
      continue;
    }
    const length = { 1: 8, 2: 0, 5: 4 }[wire];
    if (length === undefined) throw new Error(`wire type ${wire}`);
    const n = length || Number(varint());
    yield [key >> 3, bytes.subarray(at, at + n)];
    at += n;
  }
}

// read returns { type, dims, data } of a file whose elements are in raw_data, as exporters
// write them, or in float_data or int64_data.
function read(file) {
  let type;
  const dims = [];
  let raw = new Uint8Array(0);
  const integers = [];
  for (const [number, value] of fields(fs.readFileSync(file))) {
    if (number === 1 && typeof value === 'bigint') dims.push(Number(value));
    else if (number === 1) for (const n of packed(value)) dims.push(Number(n));
    else if (number === 2) type = typeOf(Number(value));
    else if (number === 4 || number === 9) raw = Buffer.concat([raw, value]);
    else if (number === 7 && typeof value === 'bigint') integers.push(value);
    else if (number === 7) integers.push(...packed(value));
  }
  const { array } = types[type];
  const data = integers.length ? array.from(integers) : new array(new Uint8Array(raw).buffer);
  if (data.length !== dims.reduce((a, b) => a * b, 1)) throw new Error(`${file}: ${data.length} elements for ${dims}`);
  return { type, dims, data };
}

function* packed(bytes) {
  const keyed = Buffer.concat(splitVarints(bytes).map((v) => Buffer.concat([Buffer.from([8]), v])));
  for (const [, n] of fields(keyed)) yield n;
}

function splitVarints(bytes) {
  const list = [];
  for (let at = 0, from = 0; at < bytes.length; at++) {
    if (bytes[at] < 128) {
      list.push(bytes.subarray(from, at + 1));
      from = at + 1;
    }
  }
  return list;
}

// write is the inverse of read.
function write(file, { type, dims, data }) {
  const varint = (n) => {
    const out = [];
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
    return Buffer.from([...out, n]);
  };
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  fs.writeFileSync(file, Buffer.concat([
    ...dims.map((d) => Buffer.concat([Buffer.from([1 << 3]), varint(d)])),
    Buffer.from([2 << 3]), varint(types[type].number),
    Buffer.from([(9 << 3) | 2]), varint(raw.length), raw,
  ]));
}

// list reads KIND_0.pb, KIND_1.pb and so on.
function list(folder, kind) {
  const all = [];
  for (let file; fs.existsSync((file = path.join(folder, `${kind}_${all.length}.pb`))); ) all.push(read(file));
  return all;
}

// numbers returns the elements as an array of doubles.
function numbers({ type, data }) {
  if (type !== 'float16') return Float64Array.from(data, Number);
  return Float64Array.from(data, (h) => {
    const sign = h >> 15 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  });
}

// seeded returns a tensor of numbers in 0…1, the same ones each time.
function seeded(type, dims) {
  const array = types[type]?.array;
  if (!array || type === 'float16') throw new Error(`no seeded numbers of type ${type}`);
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const data = new array(dims.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) {
    const x = next();
    data[i] = array === BigInt64Array ? BigInt(Math.floor(2 * x)) : type.startsWith('float') ? x : Math.floor(2 * x);
  }
  return { type, dims, data };
}

module.exports = { list, write, numbers, seeded };
