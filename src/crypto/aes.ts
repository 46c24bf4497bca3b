// The AES block function in TypeScript for the pure provider, by four tables of 1 KiB. FIPS 197.
//
// Timing: the tables, like those of ghash.ts, are indexed by secret data, so which cache lines a message
// touches depends on the key, and a program on the same processor can observe that. Accepted, because this
// code runs only where `crypto provider = pure` asks for it or the runtime's AES fails its self-test:
// BoringSSL's is constant-time with and without AES instructions. A bit-sliced AES would be constant-time,
// too, but gains speed only from several blocks at once, which a CBC-MAC (CMAC, CCM) does not have.

const ENTRIES = 256;

/** The S-box; FIPS 197 5.1.1. */
const sbox = new Uint8Array(ENTRIES);
/**
 * SubBytes, ShiftRows and MixColumns of one byte: table `row` (at `row * 256`) has what a byte of that row
 * adds to its column. Columns are little-endian words, row 0 in the lowest byte.
 */
const rows = new Int32Array(4 * ENTRIES);
fillTables();

/** Multiplies by x in GF(2^8); FIPS 197 4.2.1. */
function xtime(byte: number): number {
  return ((byte << 1) ^ (0x11b & -(byte >>> 7))) & 0xff;
}

function rotateLeft8(byte: number, by: number): number {
  return ((byte << by) | (byte >>> (8 - by))) & 0xff;
}

function fillTables(): void {
  // 3 generates the multiplicative group: `power` and `inverse` run through it in opposite directions.
  let power = 1;
  let inverse = 1;
  do {
    power ^= xtime(power);
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse = (inverse ^ (inverse << 4)) & 0xff;
    inverse ^= 0x09 & -(inverse >>> 7);
    let value = inverse ^ 0x63;
    for (let by = 1; by <= 4; by++) value ^= rotateLeft8(inverse, by);
    sbox[power] = value;
  } while (power !== 1);
  // Zero has no inverse.
  sbox[0] = 0x63;
  for (let byte = 0; byte < ENTRIES; byte++) {
    const once = sbox[byte] ?? 0;
    const twice = xtime(once);
    let column = twice | (once << 8) | (once << 16) | ((twice ^ once) << 24);
    for (let row = 0; row < 4; row++) {
      rows[row * ENTRIES + byte] = column;
      column = (column << 8) | (column >>> 24);
    }
  }
}

/** ShiftRows and SubBytes without MixColumns: bytes 0 to 3 of the words `a` to `d`. */
function substitute(a: number, b: number, c: number, d: number): number {
  return (
    (sbox[a & 255] ?? 0) |
    ((sbox[(b >>> 8) & 255] ?? 0) << 8) |
    ((sbox[(c >>> 16) & 255] ?? 0) << 16) |
    ((sbox[d >>> 24] ?? 0) << 24)
  );
}

/** The round keys of a key of 16 or 32 bytes, as little-endian words; FIPS 197 5.2. */
export function expandKey(key: Uint8Array): Int32Array {
  const words = key.length / 4;
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const keys = new Int32Array(4 * (words + 7));
  for (let i = 0; i < words; i++) keys[i] = view.getInt32(i * 4, true);
  let roundConstant = 1;
  for (let i = words; i < keys.length; i++) {
    let word = keys[i - 1] ?? 0;
    if (i % words === 0) {
      word = (word >>> 8) | (word << 24);
      word = substitute(word, word, word, word) ^ roundConstant;
      roundConstant = xtime(roundConstant);
    } else if (words === 8 && i % words === 4) {
      word = substitute(word, word, word, word);
    }
    keys[i] = (keys[i - words] ?? 0) ^ word;
  }
  return keys;
}

/** Encrypts the block of the little-endian words `a` to `d` into the four words of `out`. */
export function encryptBlock(
  keys: Int32Array,
  a: number,
  b: number,
  c: number,
  d: number,
  out: Int32Array,
): void {
  let s0 = a ^ (keys[0] ?? 0);
  let s1 = b ^ (keys[1] ?? 0);
  let s2 = c ^ (keys[2] ?? 0);
  let s3 = d ^ (keys[3] ?? 0);
  const last = keys.length - 4;
  let k = 4;
  for (; k < last; k += 4) {
    const t0 = (keys[k] ?? 0) ^ column(s0, s1, s2, s3);
    const t1 = (keys[k + 1] ?? 0) ^ column(s1, s2, s3, s0);
    const t2 = (keys[k + 2] ?? 0) ^ column(s2, s3, s0, s1);
    s3 = (keys[k + 3] ?? 0) ^ column(s3, s0, s1, s2);
    s0 = t0;
    s1 = t1;
    s2 = t2;
  }
  out[0] = (keys[k] ?? 0) ^ substitute(s0, s1, s2, s3);
  out[1] = (keys[k + 1] ?? 0) ^ substitute(s1, s2, s3, s0);
  out[2] = (keys[k + 2] ?? 0) ^ substitute(s2, s3, s0, s1);
  out[3] = (keys[k + 3] ?? 0) ^ substitute(s3, s0, s1, s2);
}

/** One column of a round, before the round key is added. */
function column(a: number, b: number, c: number, d: number): number {
  return (
    (rows[a & 255] ?? 0) ^
    (rows[ENTRIES + ((b >>> 8) & 255)] ?? 0) ^
    (rows[2 * ENTRIES + ((c >>> 16) & 255)] ?? 0) ^
    (rows[3 * ENTRIES + (d >>> 24)] ?? 0)
  );
}

const block = new Int32Array(4);

/** Returns the encryption of 16 zero bytes: GCM's hash subkey, and L of CMAC (RFC 4493 2.3). */
export function encryptZeroBlock(keys: Int32Array): Uint8Array {
  encryptBlock(keys, 0, 0, 0, 0, block);
  return new Uint8Array(block.buffer.slice(0));
}
