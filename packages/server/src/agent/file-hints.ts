/**
 * Says that something changed in a folder, so that nobody waits for the next poll. It is a hint only: where watching isn't
 * to be had (network file systems, too many folders), polling finds everything all the same.
 */
import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

const MAX_FOLDERS = 128;

export class FileHints {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: () => void;
  readonly #refused = new Set<string>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches the folders of these files, as many as it may. */
  follow(paths: Iterable<string>): void {
    const wanted = new Set<string>();
    for (const path of paths) {
      if (wanted.size >= MAX_FOLDERS) break;
      wanted.add(dirname(path));
    }
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder) && !this.#refused.has(folder)) this.#watch(folder);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (kind) => {
        // A `rename` is a file that came or went; a `change` is found by the next poll soon enough.
        if (kind === 'rename') this.#onChange();
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      this.#refused.add(folder);
    }
  }
}
