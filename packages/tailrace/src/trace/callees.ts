import { KEPT_HEADER, type Policy, parseKeepSignal } from '../sampling/index.ts';
import type { OpenScope } from '../scope/open-scope.ts';
import { outgoingHeaders } from './trace-identity.ts';

/** Where a callee kept its event for a rule, the scope's event is kept with it, at the callee's rate. */
export function noteCallee(scope: OpenScope, headers: Headers | Readonly<Record<string, unknown>>): void {
  const header = headers instanceof Headers ? headers.get(KEPT_HEADER) : headers[KEPT_HEADER];
  const signal = parseKeepSignal(typeof header === 'string' ? header : undefined);
  if (signal === undefined || signal.rate <= (scope.neighbour?.rate ?? 0)) return;
  scope.neighbour = {
    rule: 'CALLEE_KEPT',
    rate: signal.rate,
    because: `a callee kept its event for ${signal.rule} at rate ${signal.rate}`,
  };
}

/** `fetch` that hands the scope's trace on, and listens to what the callee decided. */
export async function fetchInScope(
  scope: OpenScope,
  policy: Policy,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  for (const [name, value] of Object.entries(outgoingHeaders(scope, policy))) {
    if (!headers.has(name)) headers.set(name, value);
  }
  const response = await fetch(input, { ...init, headers });
  noteCallee(scope, response.headers);
  return response;
}
