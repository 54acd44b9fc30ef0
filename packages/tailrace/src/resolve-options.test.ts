import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TailraceOptions } from './options.ts';
import { type Environment, resolveOptions, TailraceConfigError } from './resolve-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-options-'));

function faultsOf(options: unknown, env: Environment = {}): readonly string[] {
  try {
    resolveOptions(options as TailraceOptions, env, folder);
    return [];
  } catch (error) {
    if (error instanceof TailraceConfigError) return error.faults;
    throw error;
  }
}

describe('options', () => {
  it('have a default each', () => {
    expect(resolveOptions({}, {}, folder)).toMatchObject({
      service: 'unknown_service',
      environment: 'development',
      dataDir: join(folder, 'tailrace-data'),
      sampling: { normalRate: 0.01, slowThresholdMs: 2_000, criticalRoutes: [], rules: [], lineRate: 1 },
      redaction: {},
      includeStack: true,
      level: 'info',
      handleExit: true,
      routes: undefined,
      server: undefined,
    });
  });

  it('are taken from the environment where they are left out', () => {
    const env = {
      SERVICE_NAME: 'shop',
      NODE_ENV: 'production',
      TAILRACE_URL: 'http://127.0.0.1:7300',
      TAILRACE_INGEST_KEY: 'k',
      LOG_SAMPLING_NORMAL_RATE: '0.2',
      LOG_SLOW_THRESHOLD_MS: '500',
      LOG_CRITICAL_ROUTES: '/payments, POST /orders/**',
      LOG_LEVEL: 'WARN',
    };
    expect(resolveOptions({}, env, folder)).toMatchObject({
      service: 'shop',
      includeStack: false,
      server: { url: 'http://127.0.0.1:7300', key: 'k' },
      sampling: { normalRate: 0.2, slowThresholdMs: 500, criticalRoutes: ['/payments', 'POST /orders/**'] },
      level: 'warn',
    });
    expect(resolveOptions({ sampling: { normalRate: 0 } }, env, folder).sampling.normalRate).toBe(0);
  });

  it('take name and version from the manifest of the application, and a key from a file', () => {
    const application = mkdtempSync(join(tmpdir(), 'tailrace-options-'));
    writeFileSync(join(application, 'package.json'), '{"name":"my-shop","version":"3.1.4"}');
    writeFileSync(join(application, 'key'), 's3cret\n');
    const env = { TAILRACE_URL: 'https://logs.example', TAILRACE_INGEST_KEY_FILE: join(application, 'key') };
    expect(resolveOptions({}, env, application)).toMatchObject({
      service: 'my-shop',
      version: '3.1.4',
      server: { key: 's3cret' },
    });
  });
});

describe('faults', () => {
  it('are all told at once, each with its name, its value, and what is accepted', () => {
    const faults = faultsOf(
      {
        servise: 'shop',
        level: 'verbose',
        sampling: {
          normalrate: 1,
          slowThresholdMs: -1,
          criticalRoutes: ['payments'],
          rules: [
            { name: 'HAS_ERROR', rate: 1 },
            { name: 'mine', rate: 7 },
            { name: 'twice', rate: 1, wen: 1 },
          ],
        },
        redaction: true,
        spool: { fsync: 'sometimes' },
        routes: [{ name: 'a b', sinks: [] }],
      },
      { TAILRACE_URL: 'localhost:7300', LOG_SAMPLING_NORMAL_RATE: '10%' },
    );
    const text = faults.join('\n');
    expect(text).toContain('servise is not an option');
    expect(text).toContain('Did you mean service?');
    expect(text).toContain('sampling.normalrate is not an option');
    expect(text).toContain('Did you mean normalRate?');
    expect(text).toContain('level is "verbose"; accepted: trace, debug, info, warn, error, fatal');
    expect(text).toContain('sampling.slowThresholdMs is -1');
    expect(text).toContain('Did you mean /payments?');
    expect(text).toContain('sampling.rules[0].name is "HAS_ERROR"');
    expect(text).toContain('sampling.rules[1].rate is 7; accepted: a number from 0 to 1');
    expect(text).toContain('Did you mean when?');
    expect(text).toContain('redaction is true');
    expect(text).toContain('spool.fsync is "sometimes"');
    expect(text).toContain('and not "a b"');
    expect(text).toContain('TAILRACE_URL is "localhost:7300"');
    expect(text).toContain('LOG_SAMPLING_NORMAL_RATE is "10%"');
    expect(faults).toHaveLength(14);
  });

  it('never show a secret', () => {
    expect(faultsOf({ redaction: { hashKey: 12345678 } }).join()).not.toContain('12345678');
  });

  it('are none in what is right', () => {
    const options: TailraceOptions = {
      service: 's',
      spool: { fsync: 100, maxBytes: 1_000_000 },
      redaction: { keys: ['mrn'], action: 'hash', valueAction: 'replace', keep: ['pin'], hashKey: 'shared' },
      routes: [{ name: 'out', sinks: [{ kind: 'builtin', name: 'console', options: {} }] }],
      sampling: {
        rules: [{ name: 'R', rate: 0.5, level: 'warn', topic: 't', route: '/x', service: 's', when: () => true }],
      },
    };
    expect(faultsOf(options)).toEqual([]);
  });
});
