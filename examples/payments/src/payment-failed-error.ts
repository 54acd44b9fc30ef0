import { HttpException } from '@nestjs/common';
import type { PaymentStatus } from './payment-status.ts';

/** A payment that ended badly; `code` becomes the event's `error.code`. */
export class PaymentFailedError extends HttpException {
  override readonly name = 'PaymentFailedError';
  readonly code: string;

  constructor(status: PaymentStatus) {
    super({ status: status.code, message: status.message }, status.httpStatus);
    this.message = status.message;
    this.code = status.code;
  }
}
