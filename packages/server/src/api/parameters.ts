/** What a request asks for, checked against its schema. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { planTime } from '../query/plan.ts';
import { HttpError } from './http-error.ts';

export const limit = (standard: number, max: number) => z.coerce.number().int().min(1).max(max).default(standard);

/** The part that all searches have in common. */
const search = {
  q: z.string().max(8192).default(''),
  from: planTime.default('-15m'),
  to: planTime.default('now'),
};

const list = z
  .string()
  .max(4096)
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  .pipe(z.array(z.string().max(256)).max(16));

export const eventsParameters = z.strictObject({
  ...search,
  limit: limit(100, 1000),
  cursor: z.string().max(512).optional(),
});
/** Events of the same request or trace that are looked for beside an event. */
const MAX_NEIGHBOURS = 200;
export const eventParameters = z.strictObject({
  neighbours: z.coerce.number().int().min(0).max(MAX_NEIGHBOURS).default(MAX_NEIGHBOURS),
});
export const facetsParameters = z
  .strictObject({ ...search, field: list.optional(), fields: list.optional(), limit: limit(10, 100) })
  .refine(({ field, fields }) => (field ?? fields) !== undefined, { message: 'is needed', path: ['field'] });
export const histogramParameters = z.strictObject({
  ...search,
  bucket: z
    .string()
    .regex(/^(?:auto|[1-9]\d{0,5}(?:s|m|h|d))$/, 'must be auto or a duration such as 1m')
    .default('auto'),
});
export const tailParameters = z.strictObject({ q: search.q });

/** @throws HttpError 400 that names every fault. */
export function check<T extends z.ZodType>(schema: T, value: unknown, code = 'BAD_PARAMETER'): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  const message = faults
    .map((fault) => (fault.path === '' ? fault.message : `${fault.path}: ${fault.message}`))
    .join('; ');
  throw new HttpError(400, code, message, { details: { faults } });
}

/** Aborts when the client goes away before its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
