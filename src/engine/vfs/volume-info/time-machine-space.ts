// The space that Time Machine backups use in a share; vfs_fruit(8), `time machine max size`. macOS stores
// them as sparse bundles: directories with bands of equal size, so the number of bands gives the size.
import { readPlain } from "../../../linux/io.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import { eachName } from "../../../linux/dir.ts";

/** How long a count is reused: it requires listing the band directories, and backups grow slowly. */
const KEPT_MS = 30_000;
const MAX_BUNDLES = 64;
const MAX_INFORMATION_BYTES = 65_536;
const BAND_SIZE = /<key>band-size<\/key>\s*<integer>(\d{1,15})<\/integer>/;

interface Counted {
  readonly bytes: number;
  readonly atMs: number;
}

const counted = new WeakMap<ShareContext, Counted>();
const room = new Uint8Array(MAX_INFORMATION_BYTES);

/** Returns the bytes of all sparse bundles in the share's directory, at most 30 s old. */
export function timeMachineBytes(context: ShareContext): number {
  const known = counted.get(context);
  if (known !== undefined && performance.now() - known.atMs < KEPT_MS) return known.bytes;
  const bundles: string[] = [];
  eachName(context.rootFd, (name) => {
    if (/\.sparsebundle$/i.test(name)) bundles.push(name);
    return bundles.length < MAX_BUNDLES;
  });
  let bytes = 0;
  for (const bundle of bundles) bytes += bundleBytes(context, bundle);
  counted.set(context, { bytes, atMs: performance.now() });
  return bytes;
}

function bundleBytes(context: ShareContext, bundle: string): number {
  const directory = openAt(context.rootFd, bundle, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  if (directory < 0) return 0;
  const bands = openAt(directory, "bands", Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  let count = 0;
  if (bands >= 0) {
    eachName(bands, () => ++count > 0);
    closeFd(bands);
  }
  const bandBytes = count === 0 ? 0 : bandSizeOf(directory);
  closeFd(directory);
  return count * bandBytes;
}

function bandSizeOf(bundle: number): number {
  const fd = openAt(bundle, "Info.plist", Open.RDONLY | Open.NOFOLLOW | Open.NONBLOCK | Open.NOCTTY);
  if (fd < 0) return 0;
  const length = readPlain(fd, room, 0, room.length, 0);
  closeFd(fd);
  if (length <= 0) return 0;
  const text = new TextDecoder("latin1").decode(room.subarray(0, length));
  return Number(BAND_SIZE.exec(text)?.[1] ?? 0);
}
