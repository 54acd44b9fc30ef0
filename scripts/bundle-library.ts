/**
 * Makes the JavaScript of the library as it is published: each entry of its `exports` as one file, and what several of them
 * share in chunks. `tsc -b` makes the types.
 *
 * Node needs about half a millisecond to find, read and link a module, and some memory, and the library has more than a
 * hundred. So all that the main entry needs is one file, `chunks/core-….js`, which the other entries share: a start reads
 * two files. What only the delivery worker, a sink or a framework needs stays out of it.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const LIBRARY = fileURLToPath(new URL('../packages/tailrace', import.meta.url));
const SOURCE = '@tailrace/source';
const MAIN_ENTRY = '.';

type Exports = Readonly<Record<string, string | Readonly<Record<string, string>>>>;
const { exports }: { readonly exports: Exports } = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
const entries = Object.entries(exports).flatMap(([name, entry]) =>
  typeof entry === 'string' ? [] : [{ name, source: join(LIBRARY, entry[SOURCE] ?? ''), built: entry.default ?? '' }],
);
const mainSource = entries.find(({ name }) => name === MAIN_ENTRY)?.source ?? '';

// Chunks have names that follow their contents: those of an earlier build would stay.
await rm(join(LIBRARY, 'dist/chunks'), { recursive: true, force: true });

let core: ReadonlySet<string> | undefined;
const bundle = await rolldown({
  cwd: LIBRARY,
  input: Object.fromEntries(entries.map(({ source, built }) => [relative('dist', built).replace(/\.js$/, ''), source])),
  platform: 'node',
  // But for what the compiler itself puts in.
  external: (id) => !/^[./\0]|^@oxc-project\/runtime/.test(id),
  // Decorators of NestJS are compiled as TypeScript does.
  tsconfig: join(LIBRARY, 'tsconfig.json'),
  transform: { target: 'node20.19' },
  preserveEntrySignatures: 'strict',
});
const { output } = await bundle.generate({
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  // The types have them too, and here each start would read them.
  comments: { jsdoc: false },
  codeSplitting: {
    groups: [
      {
        debugName: 'core',
        name(id, graph) {
          core ??= reachableFrom(mainSource, (module) => graph.getModuleInfo(module)?.importedIds ?? []);
          return core.has(id) ? 'core' : null;
        },
      },
    ],
  },
});
await bundle.close();
for (const file of output) {
  if (file.type !== 'chunk') continue;
  const path = join(LIBRARY, 'dist', file.fileName);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, inAscii(file.code));
}

const missing = await Promise.all(
  entries.map(({ built }) =>
    readFile(join(LIBRARY, built)).then(
      () => [],
      () => [built],
    ),
  ),
);
if (missing.flat().length > 0)
  throw new Error(`${relative(process.cwd(), LIBRARY)}: not built: ${missing.flat().join(', ')}`);

/** V8 holds a text with a single wider character in twice the bytes, and takes longer to read it. */
function inAscii(code: string): string {
  return code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The module and all that it imports, but for what it loads when it needs it. */
function reachableFrom(module: string, importsOf: (module: string) => readonly string[]): ReadonlySet<string> {
  const reached = new Set([module]);
  // A set goes on to what is added while it is walked.
  for (const each of reached) for (const imported of importsOf(each)) reached.add(imported);
  return reached;
}
