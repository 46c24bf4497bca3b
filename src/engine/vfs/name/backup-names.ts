// Names of Time Machine's backups: sparse bundles and their bands, as macOS names them.

const BUNDLE = /\.(?:sparse|backup)bundle$/i;
/** The number of the band. */
const BAND = /^[0-9a-f]{1,16}$/i;

export function isBundleName(name: string): boolean {
  return BUNDLE.test(name);
}

/** True for a path below a sparse bundle. */
export function isInBundle(path: string): boolean {
  const components = path.split("/");
  return components.slice(0, -1).some(isBundleName);
}

/** Returns the bundle in the share's directory that a path is a band of. */
export function bundleOfBand(path: string): string | undefined {
  const [bundle = "", bands, band, ...more] = path.split("/", 4);
  const isBand = bands === "bands" && more.length === 0 && BAND.test(band ?? "");
  return isBand && isBundleName(bundle) ? bundle : undefined;
}
