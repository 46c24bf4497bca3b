// The backups of Time Machine in a share. macOS stores them as sparse bundles: directories with a property
// list and bands of equal size, so the number of bands gives the size; vfs_fruit(8), `time machine max size`.
import { readPlain } from "../../../linux/io.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import type { ShareContext } from "../context/share-context.ts";
import { isBundleName } from "../name/backup-names.ts";
import type { Failure } from "../store.ts";
import { countNames, eachName } from "../../../linux/dir.ts";

/** More bundles in one directory are not counted. */
const MAX_BUNDLES = 1024;
const MAX_INFORMATION_BYTES = 65_536;
const BAND_SIZE = /<key>band-size<\/key>\s*<integer>(\d{1,15})<\/integer>/;
/** As hdiutil(1) makes them by default: counts where the property list is missing. */
const USUAL_BAND_BYTES = 8_388_608;

const room = new Uint8Array(MAX_INFORMATION_BYTES);

export interface BackupBundle {
  readonly name: string;
  readonly bands: number;
  readonly bandBytes: number;
}

/**
 * Counts the bands of all bundles in the share's directory: hundreds of thousands of names, so in a worker.
 */
export function countBackups(context: ShareContext): BackupBundle[] | Failure {
  const names: string[] = [];
  const failure = eachName(context.rootFd, (name) => {
    if (isBundleName(name)) names.push(name);
    return names.length < MAX_BUNDLES;
  });
  if (failure < 0) return failure;
  return names.map((name) => countBundle(context.rootFd, name));
}

function countBundle(root: number, name: string): BackupBundle {
  const bundle = openAt(root, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  if (bundle < 0) return { name, bands: 0, bandBytes: USUAL_BAND_BYTES };
  const directory = openAt(bundle, "bands", Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
  let bands = 0;
  if (directory >= 0) {
    // No band begins with a dot, as the server's own files and AppleDouble files do.
    bands = Math.max(0, countNames(directory));
    closeFd(directory);
  }
  const bandBytes = bandSizeOf(bundle);
  closeFd(bundle);
  return { name, bands, bandBytes };
}

function bandSizeOf(bundle: number): number {
  const fd = openAt(bundle, "Info.plist", Open.RDONLY | Open.NOFOLLOW | Open.NONBLOCK | Open.NOCTTY);
  if (fd < 0) return USUAL_BAND_BYTES;
  const length = readPlain(fd, room, 0, room.length, 0);
  closeFd(fd);
  const text = new TextDecoder("latin1").decode(room.subarray(0, Math.max(0, length)));
  return Number(BAND_SIZE.exec(text)?.[1] ?? 0) || USUAL_BAND_BYTES;
}
