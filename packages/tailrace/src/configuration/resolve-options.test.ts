import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TailraceOptions } from '../options.ts';
import { createTailrace } from '../tailrace.ts';
import { resolveOptions, TailraceConfigError } from './resolve-options.ts';
import type { Environment } from './variables.ts';

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
      routes: [{ name: 'console', sinks: [{ name: 'console' }] }],
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
      routes: [{ name: 'tailrace', sinks: [{ options: { url: 'http://127.0.0.1:7300', key: 'k' } }] }],
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
      routes: [{ sinks: [{ options: { key: 's3cret' } }] }],
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
    expect(text).toContain('TAILRACE_URL is "(not shown)"; accepted: an address such as http://127.0.0.1:7300');
    expect(text).toContain('LOG_SAMPLING_NORMAL_RATE is "10%"');
    expect(faults).toHaveLength(14);
  });

  it('are found in what patterns, paths, limits, sizes and routes say, before anything is opened', () => {
    const dataDir = join(folder, 'never-made');
    const options = {
      dataDir,
      handleExit: false,
      redaction: {
        action: 'hash',
        patterns: [
          { kind: 'slow', pattern: /(a+)+b/ },
          { kind: 'look', pattern: /(?=x)y/ },
          { kind: 'x', pattern: /x/, action: 'blur' },
          { kind: '', pattern: 'text' },
        ],
        paths: ['a..b', 'items[0].card', 7],
        keep: ['user..pin'],
      },
      limits: { depth: 0, keys: 1.5, eventBytes: 100 },
      spool: { maxBytes: 1_000, reserveBytes: 1_000, segmentBytes: 0, memoryBytes: -1, fsync: 1e12 },
      routes: [
        { name: 'typo', sinks: [{ kind: 'builtin', name: 'consol' }], batchLine: 1, retry: { attempt: 1 } },
        { sinks: [{ kind: 'main', name: 'mine', sink: {} }] },
        { name: 'zero', sinks: [{ kind: 'builtin', name: 'console', options: {} }], batchLines: 0 },
      ],
    };
    const faults = [
      'redaction.patterns[2].action is "blur"',
      'redaction.patterns[3].kind is ""',
      'redaction.patterns[3].pattern is "text"',
      'redaction.patterns: /(a+)+b/ (slow) repeats',
      'redaction.patterns: /(?=x)y/ (look) looks around itself',
      'redaction.paths[2] is 7',
      'redaction.paths: not a path: "a..b"',
      'redaction.paths: the path "items[0].card" names one position',
      'redaction.keep: not a path: "user..pin"',
      "the action 'hash' needs `hashKey`",
      'limits.depth is 0; accepted: a whole number from 1 up',
      'limits.keys is 1.5',
      'limits.eventBytes is 100; accepted: a whole number from 32768 up',
      'spool.reserveBytes is 1000; accepted: less than spool.maxBytes',
      'spool.segmentBytes is 0',
      'spool.memoryBytes is -1',
      'spool.fsync is 1000000000000',
      'routes[0].sinks[0].name is "consol"; accepted: console, file, tailrace, kafka, redis, mongodb, clickhouse. Did you mean console?',
      'routes[0].batchLine is not an option',
      'routes[0].retry.attempt is not an option',
      'routes[1].name is missing',
      'routes[1].sinks[0].sink is {}',
      'batchLines of route "zero" must be a number from 1 up',
    ];
    const found = faultsOf(options);
    for (const fault of faults) expect(found.join('\n')).toContain(fault);
    expect(found).toHaveLength(faults.length);

    expect(() => createTailrace(options as unknown as TailraceOptions)).toThrow(TailraceConfigError);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('are told of each part alone, too', () => {
    expect(faultsOf({ redaction: { valueAction: 'hash' } })).toHaveLength(1);
    expect(faultsOf({ redaction: { patterns: [{ kind: 'k', pattern: /x/, action: 'hash' }] } })).toHaveLength(1);
    expect(faultsOf({ redaction: { action: 'hash', hashKey: '' } })).toHaveLength(1);
    expect(faultsOf({ redaction: { patterns: [null] } })).not.toEqual([]);
    expect(faultsOf({ routes: [] })).toEqual([expect.stringContaining('there is no route')]);
    expect(faultsOf({ routes: {} })).toEqual(['routes is {}; accepted: a list']);
    expect(faultsOf({ routes: [null] })).not.toEqual([]);
    expect(faultsOf({ spool: null })).toHaveLength(1);
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
