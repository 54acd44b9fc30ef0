/** Events on their way into the queue: who else brings one of them has to wait for how that ends. */
import { type Account, noteClaim } from './account.ts';

/** What `claim` says of an event: to be published, here already, being published by another, or not acceptable. */
export type Claim =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'contended'; readonly by: Publication }
  | { readonly kind: 'refused'; readonly reason: string };

/** The events of one `publish`. Exactly one of `succeed` and `fail` ends it. */
export class Publication {
  /** True where the events are on disk. Never rejects. */
  readonly outcome: Promise<boolean>;
  readonly #events: { readonly account: Account; readonly sequence: number }[] = [];
  readonly #nowMs: number;
  #settle: (ok: boolean) => void = () => {};

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  add(account: Account, sequence: number): void {
    account.publishing.set(sequence, this);
    this.#events.push({ account, sequence });
  }

  succeed(): void {
    for (const { account, sequence } of this.#events) {
      account.publishing.delete(sequence);
      account.accepted.add(sequence);
      noteClaim(account, sequence, this.#nowMs);
      account.lastSeenMs = this.#nowMs;
    }
    this.#settle(true);
  }

  fail(): void {
    for (const { account, sequence } of this.#events) account.publishing.delete(sequence);
    this.#settle(false);
  }
}
