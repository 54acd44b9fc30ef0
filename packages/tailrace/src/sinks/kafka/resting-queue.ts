/**
 * The client's queues of requests, which rest while nobody waits in them.
 *
 * As the client has it, each connection looks every millisecond whether a request waits, from its first answer on and for as long
 * as it lasts, although none does: its timer is set to a time that has passed (kafkajs 2.2.4; its issue 1704, and 1751, where
 * Node 24's warning of negative times told of it). A producer with one broker lost 3.6 % of a processor to that. Whoever waits
 * sets the timer when they come, so it isn't needed before.
 *
 * The class is mended for all who load the same copy of the client: the delivery worker has one of its own; where delivery
 * runs on the application's thread, the application's own connections rest likewise, and work as before.
 */
import { importDriver } from '../import-driver.ts';

/** Inside of the package; another version may have it elsewhere, and then its queues stay as they are. */
const MODULE = 'kafkajs/src/network/requestQueue/index.js';
const METHOD = 'scheduleCheckPendingRequests';

const rested = new WeakSet<object>();

/** All queues of the client that is loaded, or will be. */
export async function letQueuesRest(): Promise<void> {
  const queue = await importDriver(MODULE, MODULE).catch(() => undefined);
  const prototype = prototypeOf(queue) ?? prototypeOf(member(queue, 'default'));
  if (prototype === undefined || rested.has(prototype)) return;
  const schedule: unknown = Reflect.get(prototype, METHOD);
  if (typeof schedule !== 'function') return;
  rested.add(prototype);
  Reflect.set(prototype, METHOD, function scheduleWhereSomebodyWaits(this: unknown) {
    const pending = member(this, 'pending');
    if (!Array.isArray(pending) || pending.length > 0) Reflect.apply(schedule, this, []);
  });
}

function prototypeOf(value: unknown): object | undefined {
  const prototype = typeof value === 'function' ? value.prototype : undefined;
  return typeof prototype === 'object' && prototype !== null ? prototype : undefined;
}

function member(value: unknown, name: string): unknown {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? Reflect.get(value, name)
    : undefined;
}
