// Starts the server's own threads.

const SOURCE = new URL("../", import.meta.url);

/** Starts the worker of a file: its path below src, under which the compiled executable has it, too. */
export function startWorker(path: string): Worker {
  return import.meta.url.includes("$bunfs") ? new Worker(`./${path}`) : new Worker(new URL(path, SOURCE));
}
