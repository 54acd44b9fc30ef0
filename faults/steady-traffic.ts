/** Requests at a fixed rate, with a log of which were answered, and how long that took by windows of some seconds. */
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../bench/statistics.ts';

export const WINDOW_MS = 5_000;

/** The latencies of the requests that were answered within some seconds. */
export interface Window {
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

/** Requests at a fixed rate, each with a number of its own. */
export class SteadyTraffic {
  readonly answered = new Set<number>();
  failed = 0;
  /** Why the first of the failed ones did. */
  firstFailure: string | undefined;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #latencies: number[] = [];
  #number = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async waitUntilUp(): Promise<void> {
    for (let tries = 0; !(await this.#request('/pay?n=0').catch(() => undefined)); tries += 1) {
      if (tries > 600) throw new Error('the application did not start');
      await sleep(100);
    }
    this.answered.add(0);
  }

  start(perSecond: number): () => void {
    const timer = setInterval(() => void this.#pay(), 1_000 / perSecond);
    return () => clearInterval(timer);
  }

  /** Waits so long, and tells of each window of it. */
  async measure(ms: number): Promise<Window[]> {
    const windows: Window[] = [];
    for (let rest = ms; rest >= WINDOW_MS; rest -= WINDOW_MS) {
      this.#latencies = [];
      await sleep(WINDOW_MS);
      windows.push({
        p50: quantile(this.#latencies, 0.5),
        p99: quantile(this.#latencies, 0.99),
        requests: this.#latencies.length,
      });
    }
    return windows;
  }

  async done(): Promise<{ readonly isFlushed: boolean }> {
    return JSON.parse((await this.#request('/done')) ?? '');
  }

  async #pay(): Promise<void> {
    this.#number += 1;
    const number = this.#number;
    const begun = performance.now();
    try {
      await this.#request(`/pay?n=${number}`);
      this.answered.add(number);
      this.#latencies.push(performance.now() - begun);
    } catch (error) {
      this.failed += 1;
      this.firstFailure ??= `request ${number}: ${String(error)}`;
    }
  }

  #request(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      get(`${this.#url}${path}`, { agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      }).on('error', reject);
    });
  }
}
