import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@tailrace/source'] },
  ssr: { resolve: { conditions: ['@tailrace/source'] } },
  oxc: { decorator: { legacy: true } },
  test: {
    include: ['packages/*/src/**/*.test.{ts,tsx}', 'examples/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
