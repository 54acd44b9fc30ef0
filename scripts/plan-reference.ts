/**
 * `node --import tsx --conditions=@tailrace/source scripts/plan-reference.ts`: writes the tables of `docs/plans.md` from
 * the schema that plans are checked against.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { planSchema } from '../packages/server/src/query/plan.ts';
import { fillSection, markdownTable } from './generated-section.ts';

export const PLANS_PAGE = join(fileURLToPath(new URL('..', import.meta.url)), 'docs/plans.md');

type Schema = z.core.JSONSchema.BaseSchema;

/** The page with its table as the schema is now. */
export function withPlanKeys(page: string): string {
  const rows = describeKeys(z.toJSONSchema(planSchema, { io: 'input' }), '');
  return fillSection(page, 'plan', markdownTable(['key', 'meaning', 'default', 'accepted'], rows));
}

/** One row for each key, and for the keys of what is in a list. */
function describeKeys({ properties = {} }: Schema, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (typeof schema === 'boolean') return [];
    const key = `${prefix}${name}`;
    const row = [`\`${key}\``, schema.description ?? '', standard(schema), accepted(schema)];
    const items = itemsOf(schema);
    return [row, ...(items === undefined ? [] : describeKeys(items, `${key}[].`))];
  });
}

function standard({ default: value }: Schema): string {
  if (value === undefined) return '';
  return value === '' || (Array.isArray(value) && value.length === 0) ? 'none' : `\`${String(value)}\``;
}

function accepted(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  switch (schema.type) {
    case 'array': {
      const items = itemsOf(schema);
      const what = items?.type === 'object' ? 'objects' : `names of up to ${items?.maxLength ?? 0} characters`;
      return `a list of at most ${schema.maxItems ?? 0} ${what}`;
    }
    case 'integer':
      return `a whole number from ${schema.minimum ?? ''} to ${schema.maximum ?? ''}`;
    case 'number':
      return `a number above ${schema.exclusiveMinimum ?? ''} and below ${schema.exclusiveMaximum ?? ''}`;
    default:
      if (schema.pattern?.includes('now') === true) return 'a time';
      if (schema.pattern?.includes('auto') === true) return '`auto`, or a number and `s`, `m`, `h` or `d`';
      return `a text of at most ${schema.maxLength ?? 0} characters`;
  }
}

function itemsOf({ items }: Schema): Schema | undefined {
  return items === undefined || typeof items === 'boolean' || Array.isArray(items) ? undefined : items;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(PLANS_PAGE, withPlanKeys(await readFile(PLANS_PAGE, 'utf8')));
}
