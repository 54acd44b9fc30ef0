/** The services that a payment passes, in this order; each is a step of the payment's event. */
export type PaymentService = 'balance-service' | 'payment-gateway' | 'order-service';

/** How long a step takes, in milliseconds: somewhere in [fromMs, toMs). */
export interface Latency {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * How a payment ended: a value object. There is one instance for each code, so two statuses are the same where they are
 * the same object.
 */
export class PaymentStatus {
  static readonly #all = new Map<string, PaymentStatus>();

  static readonly SUCCESS = new PaymentStatus('SUCCESS', 'order-service', 201, 20, 60, 'Paid');
  static readonly SLOW_GATEWAY_SUCCESS = new PaymentStatus(
    'SLOW_GATEWAY_SUCCESS',
    'payment-gateway',
    201,
    2001,
    2101,
    'Paid, but the gateway took its time',
  );
  static readonly SLOW_ORDER_SUCCESS = new PaymentStatus(
    'SLOW_ORDER_SUCCESS',
    'order-service',
    201,
    2001,
    2101,
    'Paid, but the order took its time',
  );
  static readonly INSUFFICIENT_BALANCE = new PaymentStatus(
    'INSUFFICIENT_BALANCE',
    'balance-service',
    400,
    10,
    50,
    'The account does not cover the amount',
  );
  static readonly INSUFFICIENT_FUNDS = new PaymentStatus(
    'INSUFFICIENT_FUNDS',
    'payment-gateway',
    400,
    80,
    150,
    'The card does not cover the amount',
  );
  static readonly GATEWAY_REJECTED = new PaymentStatus(
    'GATEWAY_REJECTED',
    'payment-gateway',
    400,
    80,
    150,
    'The gateway rejected the payment',
  );
  static readonly GATEWAY_TIMEOUT = new PaymentStatus(
    'GATEWAY_TIMEOUT',
    'payment-gateway',
    500,
    3000,
    3100,
    'The gateway did not answer in time',
  );
  static readonly GATEWAY_ERROR = new PaymentStatus(
    'GATEWAY_ERROR',
    'payment-gateway',
    400,
    80,
    150,
    'The gateway failed in a way that it does not name',
  );
  static readonly CARD_EXPIRED = new PaymentStatus(
    'CARD_EXPIRED',
    'payment-gateway',
    400,
    80,
    150,
    'The card has expired',
  );
  static readonly FRAUD_DETECTION = new PaymentStatus(
    'FRAUD_DETECTION',
    'payment-gateway',
    400,
    150,
    400,
    'The payment looks like fraud',
  );
  static readonly MAINTENANCE_WINDOW = new PaymentStatus(
    'MAINTENANCE_WINDOW',
    'payment-gateway',
    400,
    20,
    40,
    'The gateway is being maintained',
  );
  static readonly ACCOUNT_LOCKED = new PaymentStatus(
    'ACCOUNT_LOCKED',
    'payment-gateway',
    400,
    80,
    150,
    'The account is locked',
  );
  static readonly ORDER_CONFIRMATION_FAILED = new PaymentStatus(
    'ORDER_CONFIRMATION_FAILED',
    'order-service',
    400,
    20,
    60,
    'Paid, but the order could not be confirmed',
  );
  static readonly ORDER_ERROR = new PaymentStatus(
    'ORDER_ERROR',
    'order-service',
    400,
    20,
    60,
    'Paid, but the order service failed',
  );

  /** Stable; it is the `error.code` of the event where the payment failed. */
  readonly code: string;
  /** The service whose answer made it so. */
  readonly service: PaymentService;
  readonly httpStatus: number;
  /** How long that service takes then. */
  readonly latency: Latency;
  readonly message: string;

  private constructor(
    code: string,
    service: PaymentService,
    httpStatus: number,
    fromMs: number,
    toMs: number,
    message: string,
  ) {
    this.code = code;
    this.service = service;
    this.httpStatus = httpStatus;
    this.latency = { fromMs, toMs };
    this.message = message;
    PaymentStatus.#all.set(code, this);
  }

  /** All statuses. */
  static all(): readonly PaymentStatus[] {
    return [...PaymentStatus.#all.values()];
  }

  /** The status with this code, `undefined` where there is none. */
  static of(code: string): PaymentStatus | undefined {
    return PaymentStatus.#all.get(code);
  }

  get isSuccess(): boolean {
    return this.httpStatus < 400;
  }

  /** True for the two successes that a customer had to wait for. */
  get isSlow(): boolean {
    return this.isSuccess && this.latency.fromMs >= 2000;
  }

  toString(): string {
    return this.code;
  }

  toJSON(): string {
    return this.code;
  }
}
