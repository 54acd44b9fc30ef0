/**
 * Makes the JavaScript of the library as it is published: each entry of its `exports` as one file, and what several of them
 * share in chunks. `tsc -b` makes the types. Node needs about half a millisecond to find, read and link a module, and the
 * library has more than a hundred: a start reads a few files in their place.
 */
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const LIBRARY = fileURLToPath(new URL('../packages/tailrace', import.meta.url));
const SOURCE = '@tailrace/source';

type Exports = Readonly<Record<string, string | Readonly<Record<string, string>>>>;
const { exports }: { readonly exports: Exports } = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
const entries = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry]));

// Chunks have names that follow their contents: those of an earlier build would stay.
await rm(join(LIBRARY, 'dist/chunks'), { recursive: true, force: true });
await build({
  absWorkingDir: LIBRARY,
  entryPoints: entries.map(({ [SOURCE]: source = '' }) => source),
  outbase: 'src',
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  // Decorators of NestJS are compiled as TypeScript does.
  tsconfig: join(LIBRARY, 'tsconfig.json'),
  logLevel: 'warning',
});

const built = entries.map(({ default: target = '' }) => target);
const missing = await Promise.all(
  built.map((file) =>
    readFile(join(LIBRARY, file)).then(
      () => [],
      () => [file],
    ),
  ),
);
if (missing.flat().length > 0)
  throw new Error(`${relative(process.cwd(), LIBRARY)}: not built: ${missing.flat().join(', ')}`);
