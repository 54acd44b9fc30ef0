import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const TESTS = ['packages/*/src/**/*.test.{ts,tsx}', 'examples/*/src/**/*.test.ts', 'tests/**/*.test.ts'];

/** They want the machine for themselves: a browser, what is built anew under others, traffic of which a part must be met. */
const ALONE = ['tests/browser*.test.ts', 'tests/package.test.ts', 'tests/kill.test.ts'];

/** Files that take longest, or nobody shares the end of the run with them. */
const LONG = /(?:tests\/(?:roles|faults|agent|demo-arrangements)|store-contract|queue\/kafka|duckdb\/crash)\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { conditions: ['@tailrace/source'] },
  ssr: { resolve: { conditions: ['@tailrace/source'] } },
  oxc: { decorator: { legacy: true } },
  test: {
    pool: 'forks',
    // As long as a busy machine may take: what is waited for ends the wait, and only what hangs needs an end of its own.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        // Two, for two cores: most of them wait for processes and services, or for a time to pass.
        test: { name: 'together', include: TESTS, exclude: ALONE, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
