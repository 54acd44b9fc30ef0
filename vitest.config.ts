import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const TESTS = ['packages/*/src/**/*.test.{ts,tsx}', 'examples/*/src/**/*.test.ts', 'tests/**/*.test.ts'];

/** They build the same screens, and what is looked at in a browser is to come within seconds: so one by one, at the end. */
const ALONE = ['tests/browser*.test.ts'];

/** They begin first, or one would run alone in the end. */
const LONG =
  /(?:tests\/(?:roles|faults|agent|demo-arrangements|kill)|store-contract|queue\/kafka|duckdb\/crash)\.test\.ts$/;

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
    // For two cores: most files wait more than they compute, for processes, services, or a time to pass.
    maxWorkers: 2,
    // As long as a busy machine may take: what is waited for ends the wait, and only what hangs needs an end of its own.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: { name: 'together', include: TESTS, exclude: ALONE, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
