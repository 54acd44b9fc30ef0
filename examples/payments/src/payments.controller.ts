import { BadRequestException, Body, Controller, Inject, Post } from '@nestjs/common';
import type { Tailrace } from 'tailrace';
import { TAILRACE } from 'tailrace/nestjs';
import { PaymentFailedError } from './payment-failed-error.ts';
import { planPayment } from './payment-plan.ts';
import { readPaymentRequest } from './payment-request.ts';
import type { PaymentStatus } from './payment-status.ts';
import type { ShopSettings } from './settings.ts';
import { performStep } from './step-plan.ts';

export const SHOP_SETTINGS = Symbol('shop settings');

/** What each service is asked to do: the name of its step. */
const STEP_NAMES = {
  'balance-service': 'check balance',
  'payment-gateway': 'charge card',
  'order-service': 'confirm order',
} as const;

@Controller('payments')
export class PaymentsController {
  readonly #tailrace: Tailrace;
  readonly #settings: ShopSettings;

  constructor(@Inject(TAILRACE) tailrace: Tailrace, @Inject(SHOP_SETTINGS) settings: ShopSettings) {
    this.#tailrace = tailrace;
    this.#settings = settings;
  }

  /** One request, three services, one event. */
  @Post()
  async pay(@Body() body: unknown): Promise<{ readonly number: number; readonly status: PaymentStatus }> {
    const payment = readPaymentRequest(body);
    if (payment === undefined)
      throw new BadRequestException('Expected { number, amount, currency, card, email, userId }');
    this.#tailrace.set({
      'payment.number': payment.number,
      'payment.amount': payment.amount,
      'payment.currency': payment.currency,
      // Both are secrets; redaction masks them before the event reaches the disk.
      'payment.card': payment.card,
      'user.email': payment.email,
      'user.id': payment.userId,
    });
    const plan = planPayment(this.#settings.seed, payment.number);
    try {
      for (const step of plan.steps) {
        await this.#tailrace.step(STEP_NAMES[step.service], { service: step.service }, () =>
          performStep(step, this.#settings.timeFactor),
        );
      }
    } catch (error) {
      if (error instanceof PaymentFailedError) this.#tailrace.set({ 'payment.status': error.code });
      throw error;
    }
    this.#tailrace.set({ 'payment.status': plan.status.code });
    return { number: payment.number, status: plan.status };
  }
}
