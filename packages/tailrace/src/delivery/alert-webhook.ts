/**
 * Posts alerts to a webhook in the form that Slack, Mattermost, Discord (`/slack`) and many others take: `{ "text": … }`.
 *
 * It is bounded in everything: one post at a time, a few that wait, a few tries each, a time limit for each try. An alert
 * that can't be posted is told as a notice. The address is a secret, so no message names more of it than its host.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SinkContext } from './sink.ts';

const MAX_WAITING = 20;
const TIMEOUT_MS = 5_000;
/** Before the second try, and before the third. */
const RETRY_AFTER_MS = [1_000, 4_000];
/** How long the end of the process may wait for alerts. */
const CLOSE_TIMEOUT_MS = 2_000;

export class AlertWebhook {
  readonly #url: string;
  readonly #context: SinkContext;
  readonly #stop = new AbortController();
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(url: string, context: SinkContext) {
    this.#url = url;
    this.#context = context;
  }

  /** Posts after the alerts before it. Never throws. */
  send(text: string): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#tell(`${MAX_WAITING} alerts wait for it already`);
      return;
    }
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      await this.#post(JSON.stringify({ text }));
      this.#waiting -= 1;
    });
  }

  /** Ends, with a little time for the alerts that wait. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), CLOSE_TIMEOUT_MS);
    await this.#last;
    clearTimeout(timer);
  }

  async #post(body: string): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures += 1) {
      const failure = await this.#try(body);
      if (failure === undefined) return;
      const afterMs = RETRY_AFTER_MS[failures];
      if (afterMs === undefined) {
        this.#tell(failure);
        return;
      }
      await delay(afterMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {});
    }
    this.#tell('the process ended before');
  }

  /** Gives back why it failed. */
  async #try(body: string): Promise<string | undefined> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `it answered ${response.status}`;
    } catch (error) {
      return codeOf(error);
    }
  }

  #tell(reason: string): void {
    const host = URL.canParse(this.#url) ? new URL(this.#url).host : 'its address';
    this.#context.notice('alert_not_sent', `an alert could not be posted to the webhook at ${host}: ${reason}`);
  }
}

/** Not the message, which may name the whole address. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return 'it failed';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}
