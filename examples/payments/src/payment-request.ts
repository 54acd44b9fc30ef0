/** The body of `POST /payments`. */
export interface PaymentRequest {
  /** Number of the payment; with the seed it decides what happens to it. */
  readonly number: number;
  readonly amount: number;
  readonly currency: string;
  readonly card: string;
  readonly email: string;
  readonly userId: string;
}

/** Checks a body; `undefined` where it isn't a payment. */
export function readPaymentRequest(body: unknown): PaymentRequest | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { number, amount, currency, card, email, userId } = body as Readonly<Record<string, unknown>>;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (typeof amount !== 'number' || !(amount > 0)) return undefined;
  if (typeof currency !== 'string' || typeof card !== 'string') return undefined;
  if (typeof email !== 'string' || typeof userId !== 'string') return undefined;
  return { number, amount, currency, card, email, userId };
}
