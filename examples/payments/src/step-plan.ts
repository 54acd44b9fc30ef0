import { setTimeout as sleep } from 'node:timers/promises';
import { PaymentFailedError } from './payment-failed-error.ts';
import type { PaymentService, PaymentStatus } from './payment-status.ts';

/** What one service will do with one payment. */
export interface StepPlan {
  readonly service: PaymentService;
  readonly latencyMs: number;
  /** What the payment ends with because of this step; `undefined` where the step has nothing special to say. */
  readonly status: PaymentStatus | undefined;
}

/**
 * Plays a service: takes as long as it would take, then answers or fails.
 *
 * @param timeFactor - 1 for real time; tests run with less.
 * @throws PaymentFailedError where the plan says so.
 */
export async function performStep(plan: StepPlan, timeFactor: number): Promise<void> {
  await sleep(Math.ceil(plan.latencyMs * timeFactor));
  if (plan.status !== undefined && !plan.status.isSuccess) throw new PaymentFailedError(plan.status);
}
