/**
 * What ran against what: of Vitest's JSON report, the test files that hold an adapter to a contract or talk to a real
 * service, with the services that they name; and the sums of all tests.
 *
 *   node --import tsx scripts/what-ran.ts REPORT.json
 *
 * It fails where one of those was skipped as a whole, so that a service that didn't start can't pass for one that works.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const INTERFACE = join(ROOT, 'tests/services.ts');
const HEADINGS = ['tests', 'contracts', 'against', 'passed', 'failed', 'skipped'];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('what-ran.ts REPORT.json');
const report: Report = JSON.parse(readFileSync(file, 'utf8'));
const files = report.testResults
  .map(({ name, assertionResults }) => {
    const count = (...statuses: string[]) => assertionResults.filter(({ status }) => statuses.includes(status)).length;
    const sources = readSources(name);
    return {
      name: relative(ROOT, name),
      contracts: namesOf(sources, /from '[^']*?([\w-]+)-contract\.ts'|\b(sink)Contract\b/g),
      services: namesOf(sources, /(?:needService|startService)\(\s*'(\w+)'/g),
      passed: count('passed'),
      failed: count('failed'),
      skipped: count('skipped', 'pending', 'todo', 'disabled'),
    };
  })
  .filter(({ contracts, services }) => contracts.length > 0 || services.length > 0)
  .sort((a, b) => a.name.localeCompare(b.name));

const rows = files.map(({ name, contracts, services, passed, failed, skipped }) => [
  name,
  contracts.join(', ') || '-',
  services.join(', ') || '(embedded)',
  `${passed}`,
  `${failed}`,
  `${skipped}`,
]);
const widths = HEADINGS.map((heading, column) =>
  Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
);
for (const row of [HEADINGS, widths.map((width) => '-'.repeat(width)), ...rows])
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
const { numPassedTests, numFailedTests, numPendingTests } = report;
console.log(`\n${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped, of all tests`);

const unheld = files.filter(({ passed }) => passed === 0);
for (const { name, skipped } of unheld)
  console.error(`${name}: ${skipped === 0 ? 'it has no results: it failed to load' : 'all of it was skipped'}`);
if (unheld.length > 0) process.exitCode = 1;

/** The test file and what it imports from files beside or above it: adapters are often made ready there. */
function readSources(testFile: string): string {
  const own = readFileSync(testFile, 'utf8');
  const imported = [...own.matchAll(/from '(\.[^']*\/testing\/[^']*|\.\/[^']*)'/g)]
    .map(([, path]) => join(dirname(testFile), path ?? ''))
    .filter((path) => path !== INTERFACE && existsSync(path));
  return [own, ...imported.map((path) => readFileSync(path, 'utf8'))].join('\n');
}

function namesOf(sources: string, pattern: RegExp): string[] {
  const names = [...sources.matchAll(pattern)].map((match) => match.slice(1).find((name) => name !== undefined) ?? '');
  return [...new Set(names)].sort();
}
