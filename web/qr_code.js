// @ts-check
/**
 * QR codes (ISO/IEC 18004) of short texts: bytes, error correction M, versions 1 to 9.
 *
 * @module
 */

/** Of each version from 1: check codewords of a block, and data codewords of each block. */
const BLOCKS = [
  { check: 10, data: [16] },
  { check: 16, data: [28] },
  { check: 26, data: [44] },
  { check: 18, data: [32, 32] },
  { check: 24, data: [43, 43] },
  { check: 16, data: [27, 27, 27, 27] },
  { check: 18, data: [31, 31, 31, 31] },
  { check: 22, data: [38, 38, 39, 39] },
  { check: 22, data: [36, 36, 36, 37, 37] },
];

/** Centres of the alignment patterns of each version from 1. */
const ALIGNMENT = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
];

/** @type {readonly ((x: number, y: number) => boolean)[]} Which modules each mask turns over. */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => (x * y) % 2 + (x * y) % 3 === 0,
  (x, y) => ((x * y) % 2 + (x * y) % 3) % 2 === 0,
  (x, y) => ((x + y) % 2 + (x * y) % 3) % 2 === 0,
];

/**
 * @typedef {object} Grid
 * @property {number} size
 * @property {Uint8Array} dark 1 for each dark module.
 * @property {Uint8Array} fixed 1 for each module that holds no data.
 */

/**
 * The code of a text, row by row.
 *
 * @param {string} text
 * @returns {boolean[][] | undefined} `undefined` if the text is too long.
 */
export function qrCode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = BLOCKS.findIndex(({ data }) => sum(data) >= bytes.length + 2) + 1;
  if (version === 0) return undefined;
  const codewords = interleave(bytes, version);
  const grids = MASKS.map((_, mask) => draw(codewords, { version, mask }));
  const { size, dark } = grids.reduce((best, grid) => penalty(grid) < penalty(best) ? grid : best);
  return Array.from(
    { length: size },
    (_, y) => Array.from({ length: size }, (_, x) => dark[y * size + x] === 1),
  );
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} version
 */
function interleave(bytes, version) {
  const { check, data } = /** @type {(typeof BLOCKS)[number]} */ (BLOCKS[version - 1]);
  const all = pack(bytes, sum(data));
  const divisor = generator(check);
  let at = 0;
  const blocks = data.map((length) => all.slice(at, at += length));
  const checks = blocks.map((block) => remainder(block, divisor));
  return [...columns(blocks), ...columns(checks)];
}

/** @param {readonly Uint8Array[]} blocks */
function columns(blocks) {
  const longest = Math.max(...blocks.map(({ length }) => length));
  return Array.from(
    { length: longest },
    (_, i) => blocks.flatMap((block) => [...block.slice(i, i + 1)]),
  )
    .flat();
}

/**
 * Mode 4 (bytes), the length, the bytes, an end, and padding.
 *
 * @param {Uint8Array} bytes
 * @param {number} length
 */
function pack(bytes, length) {
  const nibbles = [4, bytes.length >> 4, bytes.length & 15];
  for (const byte of bytes) nibbles.push(byte >> 4, byte & 15);
  nibbles.push(0);
  const packed = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const isPadding = 2 * i >= nibbles.length;
    packed[i] = isPadding
      ? (i - nibbles.length / 2) % 2 === 0 ? 0xec : 0x11
      : ((nibbles[2 * i] ?? 0) << 4) | (nibbles[2 * i + 1] ?? 0);
  }
  return packed;
}

/**
 * A product in GF(256) over x⁸ + x⁴ + x³ + x² + 1.
 *
 * @param {number} a
 * @param {number} b
 */
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((b >> bit) & 1) * a;
  }
  return product;
}

/** @param {number} degree */
function generator(degree) {
  const polynomial = new Uint8Array(degree);
  polynomial[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) {
      polynomial[j] = multiply(polynomial[j] ?? 0, root) ^ (polynomial[j + 1] ?? 0);
    }
    root = multiply(root, 2);
  }
  return polynomial;
}

/**
 * @param {Uint8Array} data
 * @param {Uint8Array} divisor
 */
function remainder(data, divisor) {
  const rest = new Uint8Array(divisor.length);
  for (const byte of data) {
    const factor = byte ^ (rest[0] ?? 0);
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    for (let i = 0; i < rest.length; i++) {
      rest[i] = (rest[i] ?? 0) ^ multiply(divisor[i] ?? 0, factor);
    }
  }
  return rest;
}

/**
 * @param {readonly number[]} codewords
 * @param {{ version: number, mask: number }} options
 * @returns {Grid}
 */
function draw(codewords, { version, mask }) {
  const size = 17 + 4 * version;
  const grid = { size, dark: new Uint8Array(size * size), fixed: new Uint8Array(size * size) };
  drawPatterns(grid, version);
  drawFormat(grid, mask);
  if (version >= 7) drawVersion(grid, version);
  drawData(grid, codewords, mask);
  return grid;
}

/**
 * @param {Grid} grid
 * @param {number} x
 * @param {number} y
 * @param {boolean} isDark
 */
function fix({ size, dark, fixed }, x, y, isDark) {
  if (x < 0 || y < 0 || x >= size || y >= size) return;
  dark[y * size + x] = isDark ? 1 : 0;
  fixed[y * size + x] = 1;
}

/**
 * @param {Grid} grid
 * @param {number} version
 */
function drawPatterns(grid, version) {
  const { size } = grid;
  for (let i = 0; i < size; i++) {
    fix(grid, 6, i, i % 2 === 0);
    fix(grid, i, 6, i % 2 === 0);
  }
  for (const [left, top] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    square(grid, {
      x: left ?? 0,
      y: top ?? 0,
      radius: 4,
      isDark: (ring) => ring !== 2 && ring !== 4,
    });
  }
  const centres = ALIGNMENT[version - 1] ?? [];
  const last = centres.at(-1);
  for (const x of centres) {
    for (const y of centres) {
      const isCorner = (x === 6 && y === 6) || (x === 6 && y === last) || (x === last && y === 6);
      if (!isCorner) square(grid, { x, y, radius: 2, isDark: (ring) => ring !== 1 });
    }
  }
}

/**
 * @param {Grid} grid
 * @param {{ x: number, y: number, radius: number, isDark: (ring: number) => boolean }} options
 */
function square(grid, { x, y, radius, isDark }) {
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      fix(grid, x + dx, y + dy, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

/**
 * @param {Grid} grid
 * @param {number} mask
 */
function drawFormat(grid, mask) {
  const { size } = grid;
  let rest = mask; // level M is 00
  for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((mask << 10) | rest) ^ 0x5412;
  /** @param {number} i */
  const bit = (i) => ((bits >> i) & 1) === 1;
  for (let i = 0; i < 6; i++) fix(grid, 8, i, bit(i));
  fix(grid, 8, 7, bit(6));
  fix(grid, 8, 8, bit(7));
  fix(grid, 7, 8, bit(8));
  for (let i = 9; i < 15; i++) fix(grid, 14 - i, 8, bit(i));
  for (let i = 0; i < 8; i++) fix(grid, size - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i++) fix(grid, 8, size - 15 + i, bit(i));
  fix(grid, 8, size - 8, true);
}

/**
 * @param {Grid} grid
 * @param {number} version
 */
function drawVersion(grid, version) {
  let rest = version;
  for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i++) {
    const far = grid.size - 11 + i % 3;
    const near = Math.floor(i / 3);
    fix(grid, far, near, ((bits >> i) & 1) === 1);
    fix(grid, near, far, ((bits >> i) & 1) === 1);
  }
}

/**
 * Two columns at a time, from the right, up and down in turn.
 *
 * @param {Grid} grid
 * @param {readonly number[]} codewords
 * @param {number} mask
 */
function drawData({ size, dark, fixed }, codewords, mask) {
  const turns = /** @type {(typeof MASKS)[number]} */ (MASKS[mask]);
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    const isUp = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step++) {
      const y = isUp ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (fixed[y * size + x] === 1) continue;
        const value = ((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        bit++;
        dark[y * size + x] = value ^ (turns(x, y) ? 1 : 0);
      }
    }
  }
}

/**
 * How hard a grid is to read, by the standard's four rules.
 *
 * @param {Grid} grid
 */
function penalty({ size, dark }) {
  let points = 0;
  for (let a = 0; a < size; a++) {
    let row = "";
    let column = "";
    for (let b = 0; b < size; b++) {
      row += dark[a * size + b];
      column += dark[b * size + a];
      if (a > 0 && b > 0) {
        const four = (dark[a * size + b] ?? 0) + (dark[(a - 1) * size + b] ?? 0) +
          (dark[a * size + b - 1] ?? 0) + (dark[(a - 1) * size + b - 1] ?? 0);
        if (four % 4 === 0) points += 3;
      }
    }
    points += linePenalty(row) + linePenalty(column);
  }
  const share = dark.reduce((count, value) => count + value, 0) / (size * size);
  return points + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}

/** @param {string} line */
function linePenalty(line) {
  let points = 0;
  for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
  for (const _ of line.matchAll(/(?=10111010000|00001011101)/g)) points += 40;
  return points;
}
