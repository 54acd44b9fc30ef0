/** What may stand in the agent's YAML file, and what is said of all that may not. */
import { z } from 'zod';
import { nearestName } from '../config-spelling.ts';
import { readYaml } from '../read-yaml.ts';
import { FORMATS } from './parse/parsed-entry.ts';

const globs = z.union([
  z
    .string()
    .min(1)
    .transform((text) => [text]),
  z.array(z.string().min(1)),
]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const inputSchema = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  include: globs,
  exclude: globs.optional(),
  format: z.enum(FORMATS).default('auto'),
  multiline: z
    .union([
      z.enum(['auto', 'off']),
      z.literal(false).transform(() => 'off' as const),
      z.strictObject({ start: z.string().min(1) }),
    ])
    .optional(),
  timezone: z.enum(['utc', 'local']).default('utc'),
  from: z.enum(['start', 'end']).default('start'),
  service: z.string().min(1).max(256).optional(),
  environment: z.string().min(1).optional(),
  version: z.string().min(1).optional(),
  pathPattern: z.string().min(1).optional(),
  fields: z.record(z.string().min(1), scalar).default({}),
});
const number = (min: number, max: number) => z.preprocess(asNumber, z.number().min(min).max(max));
const settingsSchema = z.strictObject({
  dataDir: z.string().min(1).optional(),
  inputs: z.array(inputSchema).default([]),
  spools: globs.default([]),
  to: z.string().min(1).optional(),
  routes: z.unknown().optional(),
  sampling: z.unknown().optional(),
  redaction: z.unknown().optional(),
  limits: z.unknown().optional(),
  spool: z.unknown().optional(),
  pollMs: number(10, 600_000).default(250),
  scanMs: number(10, 3_600_000).default(2_000),
  multilineMs: number(10, 600_000).default(1_000),
  partialLineMs: number(10, 3_600_000).default(5_000),
  rotatedMs: number(100, 86_400_000).default(60_000),
  seekMs: number(100, 86_400_000).default(60_000),
  maxLineBytes: number(1024, 512 * 1024).default(256 * 1024),
  maxOpenFiles: number(1, 100_000).default(256),
  metricsPort: number(0, 65_535).optional(),
  metricsHost: z.string().min(1).default('127.0.0.1'),
});

export const CONFIG_KEYS = Object.keys(settingsSchema.shape);
export const INPUT_KEYS = Object.keys(inputSchema.shape);

export type AgentSettings = z.output<typeof settingsSchema>;
export type InputSettings = AgentSettings['inputs'][number];

export function readSettings(file: string, faults: string[]): Readonly<Record<string, unknown>> {
  try {
    const value = readYaml(file) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    faults.push(`${file} holds no settings: its top must be keys such as inputs and to`);
  } catch (error) {
    faults.push(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {};
}

/** What is wrong is told and left out, so that the rest is looked at too. */
export function parseSettings(given: Readonly<Record<string, unknown>>, faults: string[]): AgentSettings | undefined {
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  faults.push(...parsed.error.issues.flatMap(describeIssue));
  const rest = structuredClone(given);
  for (const issue of parsed.error.issues) {
    const isUnknown = issue.code === 'unrecognized_keys';
    for (const key of isUnknown ? issue.keys : issue.path.slice(-1)) {
      remove(rest, isUnknown ? issue.path : issue.path.slice(0, -1), key);
    }
  }
  return settingsSchema.safeParse(rest).data;
}

function remove(value: unknown, path: readonly PropertyKey[], key: PropertyKey): void {
  if (typeof value !== 'object' || value === null) return;
  const [first, ...rest] = path;
  if (first === undefined) Reflect.deleteProperty(value, key);
  else remove(Reflect.get(value, first), rest, key);
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path[0] === 'inputs' ? INPUT_KEYS : CONFIG_KEYS;
    return issue.keys.map((key) => {
      const near = nearestName(key, known);
      const where = path === '' ? key : `${path}.${key}`;
      return `${where} is no setting; accepted: ${known.join(', ')}${near === undefined ? '' : `. Did you mean ${near}?`}`;
    });
  }
  return [`${path === '' ? 'the configuration' : path}: ${issue.message}`];
}

function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}
