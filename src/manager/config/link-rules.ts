// `follow symlinks`, `wide links`, `allow insecure wide links`: where symbolic links may lead; smb.conf(5).
import type { SectionValues } from "./section-values.ts";

export interface LinkRules {
  readonly followSymlinks: boolean;
  /** Links may lead out of the share. Never true without `followSymlinks`. */
  readonly wideLinks: boolean;
}

/**
 * As in Samba, wide links are off where the SMB3 POSIX extensions let clients create symbolic links: with
 * both, a client reaches every file on the server that its user may read.
 */
export function readLinkRules(values: SectionValues, globals: SectionValues): LinkRules {
  const followSymlinks = values.boolean("follow symlinks");
  // Read in any case: an invalid value refuses the configuration.
  const allowsInsecure = values.boolean("allow insecure wide links");
  if (!values.boolean("wide links")) return { followSymlinks, wideLinks: false };
  if (!followSymlinks) {
    values.warn("wide links", "'wide links' has no effect without 'follow symlinks = yes'");
    return { followSymlinks, wideLinks: false };
  }
  const hasExtensions = values.boolean("smb3 unix extensions") && globals.boolean("smb3 unix extensions");
  if (hasExtensions && !allowsInsecure) {
    values.warn(
      "wide links",
      "'wide links' has no effect beside 'smb3 unix extensions = yes'; " +
        "write that as 'no', or 'allow insecure wide links = yes'",
    );
    return { followSymlinks, wideLinks: false };
  }
  values.warn(
    "wide links",
    "'wide links' lets clients reach every file on the server that their user may reach",
  );
  return { followSymlinks, wideLinks: true };
}
