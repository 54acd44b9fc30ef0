import { createRequire } from 'node:module';
import { expect, onTestFinished, test, vi } from 'vitest';
import { letQueuesRest } from './resting-queue.ts';

/** What the client has of its own: no types tell of it. */
interface Queue {
  throttledUntil: number;
  push(request: unknown): void;
  checkPendingRequests(): void;
  destroy(): void;
}

const require = createRequire(import.meta.url);
const MODULE = require.resolve('kafkajs/src/network/requestQueue/index.js');

/** The class as the client has it, whatever became of the loaded one. */
function loadUntouched() {
  const loaded = require.cache[MODULE];
  delete require.cache[MODULE];
  const untouched = require(MODULE);
  require.cache[MODULE] = loaded;
  return untouched;
}

function createQueue(RequestQueue = require(MODULE)): Queue {
  const queue = new RequestQueue({
    maxInFlightRequests: 1,
    requestTimeout: 30_000,
    enforceRequestTimeout: false,
    clientId: 'test',
    broker: 'nobody:9092',
    logger: { debug: () => {} },
  });
  onTestFinished(() => queue.destroy());
  return queue;
}

test('nobody waits, and nothing is set to look for them', async () => {
  await letQueuesRest();
  await letQueuesRest();
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  createQueue().checkPendingRequests();
  expect(vi.getTimerCount()).toBe(0);

  createQueue(loadUntouched()).checkPendingRequests();
  expect(vi.getTimerCount(), 'where this fails the client has mended it, and this file can go').toBe(1);
});

test('who waits until the broker takes requests again is sent then', async () => {
  await letQueuesRest();
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const queue = createQueue();
  const sent: string[] = [];
  queue.throttledUntil = Date.now() + 50;
  queue.push({
    entry: { correlationId: 1, resolve: () => {} },
    expectResponse: false,
    sendRequest: () => sent.push('first'),
  });
  await vi.advanceTimersByTimeAsync(40);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(30);
  expect(sent).toEqual(['first']);
  expect(vi.getTimerCount()).toBe(0);
});
