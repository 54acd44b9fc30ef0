import { planBalanceCheck } from './balance.ts';
import { planGatewayCall } from './gateway.ts';
import { planOrderConfirmation } from './order.ts';
import { PaymentStatus } from './payment-status.ts';
import { randomStream } from './random.ts';
import type { StepPlan } from './step-plan.ts';

/** The steps that a payment will take, and what it will end with. A step that fails is the last. */
export interface PaymentPlan {
  readonly steps: readonly StepPlan[];
  readonly status: PaymentStatus;
}

/**
 * Says what will happen to a payment. The shop lives it through; the traffic knows it beforehand, so that what was
 * logged can be compared with what had to happen.
 */
export function planPayment(seed: number, number: number): PaymentPlan {
  const random = randomStream(seed, 'payment', number);
  const steps: StepPlan[] = [];
  let slow: PaymentStatus | undefined;
  for (const planStep of [planBalanceCheck, planGatewayCall, planOrderConfirmation]) {
    const step = planStep(random);
    steps.push(step);
    if (step.status === undefined) continue;
    if (!step.status.isSuccess) return { steps, status: step.status };
    slow ??= step.status;
  }
  return { steps, status: slow ?? PaymentStatus.SUCCESS };
}
