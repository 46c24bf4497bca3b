// The MD4 digest, needed for NTLM's password hash.
// RFC 1320; used by [MS-NLMP] 3.3.1 NTOWFv1.

const ROUND_2 = 0x5a827999;
const ROUND_3 = 0x6ed9eba1;

const ORDER_1 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;
const ORDER_2 = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15] as const;
const ORDER_3 = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15] as const;
const SHIFT_1 = [3, 7, 11, 19] as const;
const SHIFT_2 = [3, 5, 9, 13] as const;
const SHIFT_3 = [3, 9, 11, 15] as const;

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** Processes the 64-byte block at `at` (RFC 1320 section 3.4). */
function absorbBlock(state: Int32Array, view: DataView, at: number): void {
  const start = [state[0] ?? 0, state[1] ?? 0, state[2] ?? 0, state[3] ?? 0] as const;
  let [a, b, c, d] = start;
  for (let step = 0; step < 48; step++) {
    const i = step & 15;
    let mixed: number;
    let shift: number;
    let word: number;
    if (step < 16) {
      mixed = (b & c) | (~b & d);
      word = ORDER_1[i] ?? 0;
      shift = SHIFT_1[i & 3] ?? 0;
    } else if (step < 32) {
      mixed = ((b & c) | (b & d) | (c & d)) + ROUND_2;
      word = ORDER_2[i] ?? 0;
      shift = SHIFT_2[i & 3] ?? 0;
    } else {
      mixed = (b ^ c ^ d) + ROUND_3;
      word = ORDER_3[i] ?? 0;
      shift = SHIFT_3[i & 3] ?? 0;
    }
    const turned = rotateLeft((a + mixed + view.getInt32(at + word * 4, true)) | 0, shift);
    a = d;
    d = c;
    c = b;
    b = turned;
  }
  state[0] = start[0] + a;
  state[1] = start[1] + b;
  state[2] = start[2] + c;
  state[3] = start[3] + d;
}

/** The 16-byte MD4 digest of `data`. */
export function md4(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array(((data.length + 8) >>> 6) * 64 + 64);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, (data.length << 3) >>> 0, true);
  view.setUint32(padded.length - 4, Math.floor(data.length / 0x20000000), true);

  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  for (let at = 0; at < padded.length; at += 64) absorbBlock(state, view, at);

  const digest = new Uint8Array(16);
  const words = new DataView(digest.buffer);
  for (let i = 0; i < 4; i++) words.setInt32(i * 4, state[i] ?? 0, true);
  return digest;
}
