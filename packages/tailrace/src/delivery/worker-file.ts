import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** How a worker is started: a file, or (where it runs from its TypeScript source) a line that loads it. */
export interface WorkerFile {
  readonly path: string;
  readonly options: { readonly eval?: true; readonly execArgv: string[] };
}

/**
 * Finds the worker's file: in the package to which this code belongs, or, where it was bundled into the application's
 * own, in the package as it is installed for the application. `undefined` where there is none.
 *
 * @param here - `import.meta.url`; a bundle in CommonJS has none.
 */
export function findWorkerFile(here: string | undefined): WorkerFile | undefined {
  const own = here?.startsWith('file:') ? fileURLToPath(here) : undefined;
  if (own !== undefined && basename(own) === 'delivery.ts')
    return sourceWorker(pathToFileURL(join(own, '../worker.ts')));
  for (const from of [own, process.argv[1], join(process.cwd(), 'application.js')]) {
    if (from === undefined) continue;
    try {
      const path = createRequire(from).resolve('tailrace/delivery-worker');
      if (existsSync(path)) return { path, options: { execArgv: [] } };
    } catch {
      // Not installed for that one.
    }
  }
  return undefined;
}

/** Node 20 takes no loader for a worker's own file: so it is loaded by a line that registers one first. */
function sourceWorker(url: URL): WorkerFile {
  const register = new URL('../../../../scripts/source/register.js', url).href;
  const load = `import(${JSON.stringify(register)}).then(() => import(${JSON.stringify(url.href)}))`;
  return { path: load, options: { eval: true, execArgv: ['--conditions=@tailrace/source'] } };
}
