// Where the executable has the page's files, compressed: build.ts puts the list of them in the place of this
// file.

/** Empty where the server runs from its sources. */
export const BUNDLE: Readonly<Record<string, string>> = {};
