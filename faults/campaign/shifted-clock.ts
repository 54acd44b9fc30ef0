/** Loaded into a producer before anything else: its wall clock jumps to where the parent says, as after a wrong NTP answer. */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const RealDate = Date;
  let shiftMs = 0;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: [], newTarget) =>
      args.length === 0
        ? Reflect.construct(target, [RealDate.now() + shiftMs], newTarget)
        : Reflect.construct(target, args, newTarget),
    get: (target, key, receiver) =>
      key === 'now' ? () => RealDate.now() + shiftMs : Reflect.get(target, key, receiver),
  });
  process.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'clockShiftMs' in message) {
      shiftMs = Number(message.clockShiftMs);
    }
  });
  process.channel?.unref();
}
