// Which AppleDouble files are not listed: those whose whole content clients see as streams of another object.
import { emptyStatx, statAt } from "../../../linux/stat.ts";
import type { ShareContext } from "../context/share-context.ts";
import { hasCompanion, ownerName } from "./companion.ts";

const owner = emptyStatx();

/** True for a name of an open directory that is hidden; costs a read for names that begin with `._`. */
export function isHiddenCompanion(context: ShareContext, directory: number, name: string): boolean {
  const { streams, apple } = context.grant;
  const of = ownerName(name);
  // Clients with the POSIX extensions see no streams.
  if (of === undefined || !streams || !apple.hidesAppleDouble || context.isPosix) return false;
  return context.identity.asServer(
    () => statAt(directory, of, owner) === 0 && hasCompanion(directory, of, owner, context.identity),
  );
}
