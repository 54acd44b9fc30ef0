/** Dead letters over HTTP: to look at them needs the read key, to change them the admin key. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isLoopback } from '../access/hosts.ts';
import type { ServerRuntime } from '../compose/parts.ts';
import type { DeadLetterDesk } from '../dead/desk.ts';
import { filterShape } from '../dead/filter.ts';
import { toJson } from '../dead/letter-json.ts';
import { type Selection, selectionFault, selectionShape } from '../dead/select.ts';
import type { LiveConfig } from '../live-config.ts';
import { HttpError } from './http-error.ts';
import { check, clientSignal, limit } from './parameters.ts';
import { roleAbsent } from './roles.ts';

export const deadParameters = z.strictObject({
  ...filterShape,
  limit: limit(100, 1000),
  cursor: z.string().max(512).optional().describe('Where the page begins: `cursor` of the answer before.'),
});

export const replayBody = z.strictObject({
  ...selectionShape,
  dryRun: z.boolean().default(false).describe('Only say what would be done.'),
  linesPerSecond: z.int().min(1).max(1_000_000).optional().describe('Default: TAILRACE_DEAD_REPLAY_RATE.'),
});

export const purgeBody = z.strictObject({
  ...selectionShape,
  confirm: z.int().min(0).optional().describe('How many letters will go. Another number, and nothing is done.'),
});

export const editBody = z.strictObject({
  event: z.record(z.string(), z.unknown()).describe('The event, as it would be posted to /v1/events.'),
});

/** A letter's event is bounded like any other, and grows a little as JSON within JSON. */
const EDIT_BYTES = 4 * 1024 * 1024;

export function deadRoutes(app: FastifyInstance, { dead, config }: Pick<ServerRuntime, 'dead' | 'config'>): void {
  const { roles } = config.arrangement;
  const deskFor = (what: string): DeadLetterDesk => {
    if (dead === undefined) throw roleAbsent(what, 'ingest or write', roles);
    return dead;
  };

  app.get('/v1/dead', async (request) => {
    const desk = deskFor('GET /v1/dead');
    const { limit, cursor, ...filter } = check(deadParameters, request.query);
    const page = await away(desk.list(filter, { limit, cursor }));
    const { oldestAt, failure, ...status } = desk.status();
    return {
      dead: page.letters.map(toJson),
      cursor: page.cursor ?? null,
      matching: page.matching,
      causes: page.causes,
      ...status,
      oldestAt: oldestAt ?? null,
      failure: failure ?? null,
      bounds: { bytes: config.deadMaxBytes, letters: config.deadMaxLetters, days: config.deadMaxDays },
    };
  });

  app.get<{ Params: { id: string } }>('/v1/dead/:id', async ({ params: { id } }) => {
    const letter = await away(deskFor('GET /v1/dead/:id').find(id));
    if (letter === undefined) throw noLetter(id);
    return { letter: toJson(letter) };
  });

  app.put<{ Params: { id: string } }>(
    '/v1/dead/:id',
    { config: { access: 'admin' }, bodyLimit: EDIT_BYTES },
    async ({ params: { id }, body }) => {
      const desk = deskFor('PUT /v1/dead/:id');
      const by = whoMay(config);
      const edited = await away(desk.edit(id, check(editBody, body).event, by));
      if (edited.kind === 'absent') throw noLetter(id);
      if (edited.kind === 'refused') {
        throw new HttpError(422, 'EVENT_REFUSED', `the event would be refused again: ${edited.reason}`);
      }
      return { letter: toJson(edited.letter) };
    },
  );

  app.post('/v1/dead/replay', { config: { access: 'admin' } }, async (request, reply) => {
    const desk = deskFor('POST /v1/dead/replay');
    if (!desk.canReplay) throw roleAbsent('POST /v1/dead/replay', 'ingest', roles);
    const by = whoMay(config);
    const { dryRun, ...order } = check(replayBody, request.body ?? {});
    checkSelection(order);
    const signal = clientSignal(reply);
    if (dryRun) return away(desk.dryRun(order, signal));
    if (desk.isReplaying) {
      throw new HttpError(409, 'REPLAY_RUNNING', 'a replay is under way: wait for its end', { retryAfterSeconds: 5 });
    }
    return away(desk.replay(order, by, signal));
  });

  app.post('/v1/dead/purge', { config: { access: 'admin' } }, async (request) => {
    const desk = deskFor('POST /v1/dead/purge');
    const by = whoMay(config);
    const { confirm, ...selection } = check(purgeBody, request.body ?? {});
    checkSelection(selection);
    const purged = await away(desk.purge(selection, confirm, by));
    if (purged.kind === 'purged') return { purged: purged.count };
    const { count } = purged;
    throw new HttpError(
      409,
      'CONFIRM_COUNT',
      `${count} ${count === 1 ? 'dead letter' : 'dead letters'} would go for good: say so with confirm: ${count}`,
      {
        details: { count },
      },
    );
  });
}

/**
 * Who orders it, for the audit. Beyond loopback, or where other keys are set, the right to change dead letters is the admin
 * key's alone.
 */
function whoMay({ adminKey, ingestKey, readKey, host }: LiveConfig): string {
  if (adminKey !== undefined) return 'the admin key';
  if (!isLoopback(host) || ingestKey !== undefined || readKey !== undefined) {
    throw new HttpError(404, 'ADMIN_OFF', 'this route is off: set TAILRACE_ADMIN_KEY to have it');
  }
  return 'somebody on this machine';
}

function checkSelection(selection: Selection): void {
  const fault = selectionFault(selection);
  if (fault !== undefined) throw new HttpError(400, 'NOTHING_CHOSEN', fault);
}

function noLetter(id: string): HttpError {
  return new HttpError(404, 'NO_SUCH_LETTER', `there is no dead letter ${id}: it may be replayed, purged, or too old`);
}

/** The place where the letters are may be away; they are safe then, and can't be seen. */
async function away<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new HttpError(503, 'DEAD_LETTERS_AWAY', `the place of the dead letters can't be used now: ${message}`, {
      retryAfterSeconds: 5,
    });
  }
}
