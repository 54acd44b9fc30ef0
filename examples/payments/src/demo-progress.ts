import { setTimeout as sleep } from 'node:timers/promises';
import { createLedgerReader, type LedgerCounts } from './demo-ledger.ts';
import type { RequestRecord } from './traffic.ts';

export interface Progress {
  /** Prints a line of its own. */
  readonly say: (line: string) => void;
  /** Counts a request. */
  readonly count: (record: RequestRecord) => void;
  /** What the server has now is of earlier runs; what comes from now on is of this one. */
  start(): Promise<void>;
  /** Shows the counts from now on: in one line that changes, or a line every ten seconds where there is no terminal. */
  show(): void;
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
  const reader = createLedgerReader(serverUrl);
  const sent = { requests: 0, failed: 0, slow: 0, unreachable: 0 };
  /** Payments that failed or were slow: each of them is kept, whatever the sampling. */
  let mustBeKept = 0;
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
  const showCounts = () => {
    if (output.isTTY === true) {
      clearLine();
      output.write(describe().slice(0, Math.max(20, (output.columns ?? 80) - 1)));
      hasLine = true;
    } else if (polls % LINE_EVERY_POLLS === 0) say(describe());
  };
  // A ledger that is empty, since nothing has come this far yet, is no complete one.
  const isComplete = ({ kept, stored, inFlight, missing }: LedgerCounts) =>
    inFlight === 0 && missing === 0 && kept >= mustBeKept && stored >= mustBeKept;
  const poll = async () => {
    ledger = await reader.read();
    polls += 1;
    if (timer !== undefined) showCounts();
  };

  return {
    say,
    count({ request, received }) {
      sent.requests += 1;
      if ('unreachable' in received) sent.unreachable += 1;
      else if (received.httpStatus >= 400) sent.failed += 1;
      else if (received.code?.startsWith('SLOW_') === true) sent.slow += 1;
      if (request.body !== undefined && 'code' in received && received.code !== 'SUCCESS') mustBeKept += 1;
    },
    start: () => reader.begin(),
    show() {
      timer = setInterval(() => {
        polling = polling.then(poll);
      }, POLL_MS);
    },
    async arrived(timeoutMs, signal) {
      const deadline = Date.now() + timeoutMs;
      let last = '';
      let equal = 0;
      while (Date.now() < deadline && !signal.aborted) {
        const answer = await reader.read();
        ledger = answer ?? ledger;
        const text = JSON.stringify(answer);
        equal = text === last ? equal + 1 : 0;
        last = text;
        if (answer !== undefined && isComplete(answer) && equal >= EQUAL_ANSWERS) return true;
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
