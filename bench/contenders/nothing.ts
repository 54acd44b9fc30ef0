/** The work without a log: what is subtracted from all others. */
import { PAYMENT_STEPS, paymentRequest, work } from '../work.ts';
import type { CreateContender } from './contender.ts';

export const nothing: CreateContender = () => ({
  async request(n) {
    paymentRequest(n);
    for (const _ of PAYMENT_STEPS) await work();
  },
  async close() {},
});
