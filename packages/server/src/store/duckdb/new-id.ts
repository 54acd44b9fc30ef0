import { randomBytes } from 'node:crypto';

/** A name for a file that sorts by its time: milliseconds, then 40 random bits. */
export function newId(): string {
  return Date.now().toString(36).padStart(9, '0') + randomBytes(5).toString('hex');
}
