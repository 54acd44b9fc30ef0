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

export const PAYMENT_STEPS = [
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
    trace_id: `4bf92f35${mixed(n)}${mixed(n + 0x5bd1e995)}${mixed(n + 0x1b873593)}`,
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

/** Eight hexadecimal digits that look random, the same for the same number (the finaliser of MurmurHash3), for ids that are sampled by. */
function mixed(n: number): string {
  let hash = n | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, '0');
}

/** What a step does besides being logged: nothing but give the event loop its turn. */
export async function work(): Promise<void> {}
