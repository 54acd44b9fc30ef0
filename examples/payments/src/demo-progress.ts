import { setTimeout as sleep } from 'node:timers/promises';
import { type LedgerCounts, readLedger } from './demo-ledger.ts';
import type { RequestRecord } from './traffic.ts';

export interface Progress {
  /** Prints a line of its own. */
  readonly say: (line: string) => void;
  /** Counts a request. */
  readonly count: (record: RequestRecord) => void;
  /** Shows the counts from now on: in one line that changes, or a line every ten seconds where there is no terminal. */
  start(): void;
  /** Resolves true when everything has arrived that is on its way, false at the time-out or the signal. */
  arrived(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  end(): void;
}

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const POLL_MS = 1000;
const LINE_EVERY_POLLS = 10;
/** The account of a producer travels once a second: after so many equal answers nothing more is to come. */
const EQUAL_ANSWERS = 3;

export function createProgress(serverUrl: string, output: ProgressOutput): Progress {
  const startedMs = Date.now();
  const sent = { requests: 0, failed: 0, slow: 0, unreachable: 0 };
  let ledger: LedgerCounts | undefined;
  let hasLine = false;
  let polls = 0;
  let timer: NodeJS.Timeout | undefined;
  let polling = Promise.resolve();

  const describe = () => {
    const parts = [`sent ${sent.requests}`, `failed ${sent.failed}`, `slow ${sent.slow}`];
    if (sent.unreachable > 0) parts.push(`unanswered ${sent.unreachable}`);
    if (ledger === undefined) parts.push('the server does not answer');
    else parts.push(`kept ${ledger.kept}`, `stored ${ledger.stored}`, `missing ${ledger.missing}`);
    return parts.join(' · ');
  };
  const clearLine = () => {
    if (hasLine) output.write('\r\u001b[K');
    hasLine = false;
  };
  const say = (line: string) => {
    clearLine();
    output.write(`${line}\n`);
  };
  const show = () => {
    if (output.isTTY === true) {
      clearLine();
      output.write(describe().slice(0, Math.max(20, (output.columns ?? 80) - 1)));
      hasLine = true;
    } else if (polls % LINE_EVERY_POLLS === 0) say(describe());
  };
  const poll = async () => {
    ledger = await readLedger(serverUrl, startedMs);
    polls += 1;
    if (timer !== undefined) show();
  };

  return {
    say,
    count({ received }) {
      sent.requests += 1;
      if ('unreachable' in received) sent.unreachable += 1;
      else if (received.httpStatus >= 400) sent.failed += 1;
      else if (received.code?.startsWith('SLOW_') === true) sent.slow += 1;
    },
    start() {
      timer = setInterval(() => {
        polling = polling.then(poll);
      }, POLL_MS);
    },
    async arrived(timeoutMs, signal) {
      const deadline = Date.now() + timeoutMs;
      let last = '';
      let equal = 0;
      while (Date.now() < deadline && !signal.aborted) {
        const answer = await readLedger(serverUrl, startedMs);
        ledger = answer ?? ledger;
        const text = JSON.stringify(answer);
        equal = text === last ? equal + 1 : 0;
        last = text;
        if (answer !== undefined && answer.inFlight === 0 && answer.missing === 0 && equal >= EQUAL_ANSWERS)
          return true;
        await sleep(POLL_MS / 2);
      }
      return false;
    },
    end() {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      say(describe());
    },
  };
}
