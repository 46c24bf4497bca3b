// The name that a file gets in the recycle bin where another is there already, as Samba's recycle gives it.
const MAX_BYTES = 255;
const encoder = new TextEncoder();

/** `name` for copy 0, else `Copy #N of name`; what the disk would find too long loses the end of its stem. */
export function copyName(name: string, copy: number): string {
  if (copy === 0) return name;
  const prefix = `Copy #${copy} of `;
  let stem = name;
  let extension = "";
  const dot = name.lastIndexOf(".");
  if (dot > 0 && name.length - dot <= 16) {
    stem = name.slice(0, dot);
    extension = name.slice(dot);
  }
  let characters: string[] | undefined;
  while (encoder.encode(prefix + stem + extension).length > MAX_BYTES && stem !== "") {
    // By characters, so that none is cut in two.
    characters ??= [...stem];
    characters.pop();
    stem = characters.join("");
  }
  return prefix + stem + extension;
}
