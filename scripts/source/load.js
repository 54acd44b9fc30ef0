/** The hook of `register.js`: TypeScript as JavaScript, which is kept in a file of its own for the next process. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const KEPT = new URL('../../node_modules/.cache/tailrace-source/', import.meta.url);
mkdirSync(KEPT, { recursive: true });

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  const path = url.split('?')[0] ?? url;
  if (!/\.m?ts$/.test(path) || !url.startsWith('file:')) return nextLoad(url, context);
  return { format: 'module', source: await readAsJavaScript(fileURLToPath(path)), shortCircuit: true };
}

/** @param {string} file */
async function readAsJavaScript(file) {
  const source = readFileSync(file, 'utf8');
  const kept = new URL(`${createHash('sha256').update(`${file}\n${source}`).digest('hex')}.js`, KEPT);
  try {
    return readFileSync(kept, 'utf8');
  } catch {
    const code = await compile(file, source);
    const unfinished = new URL(`${kept.href}.${randomUUID()}`);
    writeFileSync(unfinished, code);
    renameSync(unfinished, kept);
    return code;
  }
}

/**
 * @param {string} file
 * @param {string} source
 */
async function compile(file, source) {
  const { transform } = await import('esbuild');
  const { code } = await transform(source, {
    loader: 'ts',
    format: 'esm',
    target: 'node20.19',
    sourcefile: file,
    sourcemap: 'inline',
    sourcesContent: false,
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, verbatimModuleSyntax: true } },
  });
  return code;
}
