#!/usr/bin/env node
// CommonJS, because loading an ES module starts Node's pool of threads, and its size can't be changed afterwards. Each query
// that runs takes one of them; with the four that are usual, queries could hold up every file that is read or written.
process.env.UV_THREADPOOL_SIZE ??= '12';

const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const program = join(__dirname, '../dist/cli/tailrace.js');
if (existsSync(program)) import(pathToFileURL(program).href);
else {
  process.stderr.write('tailrace is not built: run `npm run build` first\n');
  process.exitCode = 1;
}
