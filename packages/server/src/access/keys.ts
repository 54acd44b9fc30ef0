/**
 * Keys: who may write, and who may read.
 *
 * A key travels as `Authorization: Bearer …` and nowhere else: in a URL it would stand in every log on the way. Keys are
 * compared as digests under a random key of this process, so that the time of the comparison says nothing about the key,
 * its length included.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a route needs: the ingest key, the read key, the admin key, or none. */
export type Access = 'ingest' | 'read' | 'admin' | 'open';

export interface Keys {
  readonly ingestKey: string | undefined;
  readonly readKey: string | undefined;
  readonly adminKey?: string | undefined;
}

export type Verdict = 'allowed' | 'missing' | 'wrong';

export interface KeyCheck {
  check(access: Access, authorization: string | undefined): Verdict;
  /** True where a URL carries something that looks like a key, or one of the keys itself. */
  isKeyInUrl(parameters: Readonly<Record<string, unknown>>): boolean;
}

const KEY_PARAMETERS = new Set([
  'key',
  'apikey',
  'token',
  'accesstoken',
  'authorization',
  'bearer',
  'ingestkey',
  'readkey',
  'adminkey',
]);

export function createKeyCheck(keys: Keys): KeyCheck {
  const secret = randomBytes(32);
  const digest = (value: string): Buffer => createHmac('sha256', secret).update(value).digest();
  const digestOf = (key: string | undefined) => (key === undefined ? undefined : digest(key));
  /** Made anew at each use: a key may change while the server runs. */
  const digests = () => ({
    ingest: digestOf(keys.ingestKey),
    read: digestOf(keys.readKey),
    admin: digestOf(keys.adminKey),
  });

  return {
    check(access, authorization) {
      const expected = access === 'open' ? undefined : digests()[access];
      if (expected === undefined) return 'allowed';
      const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
      if (given === undefined) return 'missing';
      return timingSafeEqual(digest(given), expected) ? 'allowed' : 'wrong';
    },
    isKeyInUrl(parameters) {
      const all = Object.values(digests()).filter((value) => value !== undefined);
      for (const [name, value] of Object.entries(parameters)) {
        if (KEY_PARAMETERS.has(name.toLowerCase().replaceAll(/[-_.]/g, ''))) return true;
        const values = Array.isArray(value) ? value : [value];
        for (const one of values) {
          const given = typeof one === 'string' ? digest(one) : undefined;
          if (given !== undefined && all.some((known) => timingSafeEqual(given, known))) return true;
        }
      }
      return false;
    },
  };
}
