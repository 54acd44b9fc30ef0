/**
 * The work that every contender logs: one payment request with some twenty attributes and three steps. The data is made
 * from the request's number alone, so all contenders write the same.
 */

export interface PaymentRequest {
  readonly route: string;
  readonly method: string;
  readonly request_id: string;
  readonly trace_id: string;
  readonly user: { readonly id: string; readonly role: string };
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export const STEPS = [
  { name: 'balance check', service: 'balance' },
  { name: 'gateway', service: 'gateway' },
  { name: 'order confirmation', service: 'order' },
] as const;

export function paymentRequest(n: number): PaymentRequest {
  const hex = (n + 1).toString(16).padStart(8, '0');
  return {
    route: '/payments',
    method: 'POST',
    request_id: `req-${hex}`,
    trace_id: `4bf92f3577b34da6${hex}${hex}`,
    user: { id: `user-${n % 1000}`, role: 'customer' },
    attributes: {
      'payment.id': `pay-${hex}`,
      'payment.amount': 1000 + (n % 50_000),
      'payment.currency': 'EUR',
      'payment.method': 'card',
      'order.id': `order-${hex}`,
      'order.items': n % 7,
      'cart.total': 19.99 + (n % 100),
      'customer.tier': 'gold',
      'customer.country': 'DE',
      'feature.new_checkout': n % 2 === 0,
      'http.user_agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
      'region.name': 'eu-central-1',
    },
  };
}

/** What a step does besides being logged: nothing but give the event loop its turn. */
export async function work(): Promise<void> {}
