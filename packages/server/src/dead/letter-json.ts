/** A dead letter as the API shows it: the JSON that it is kept as. The schema describes it for programs. */
import { DEAD_LETTER_SCHEMA, type DeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import { z } from 'zod';

export const letterJson = z.object({
  schema: z.literal(DEAD_LETTER_SCHEMA),
  id: z.string().describe('Known by it wherever it is kept. An event without an id is replayed under it.'),
  sink: z.string().describe('What refused it.'),
  reason: z.string().describe('Why it was refused the last time.'),
  source: z.string().describe('Where it came from: http, queue, server, or spool for a letter of an application.'),
  route: z.string().optional().describe("The application's route."),
  service: z.string().optional().describe("The event's service, where it can be read."),
  at: z.string().describe('When it died, RFC 3339.'),
  lastAt: z.string().describe('When it was refused the last time, RFC 3339.'),
  attempts: z.int().min(0).describe('How often it was offered, in all rounds.'),
  rounds: z.int().min(0).describe('How often a replay brought it back.'),
  truncated: z.boolean().describe('Only the start of it was kept: it can not be replayed.'),
  edited: z.object({ at: z.string(), by: z.string() }).optional().describe('Who changed it last, and when.'),
  line: z.string().optional().describe('The event as it was.'),
  bytes: z.string().optional().describe('In place of line, in base 64, where it is no UTF-8.'),
});

export type LetterJson = z.output<typeof letterJson>;

export function toJson(letter: DeadLetter): LetterJson {
  return letterJson.parse(JSON.parse(encodeDeadLetter(letter)));
}
