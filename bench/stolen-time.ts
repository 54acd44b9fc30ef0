/**
 * Processor time that the machine below a virtual one gave to others ("steal", proc_stat(5)), while somebody here wanted it. It
 * makes the slowest requests slower, whoever answers them: what was measured meanwhile tells of the neighbours.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS_PER_SECOND = 100;

export class StolenTime {
  readonly #ticks = stolenTicks();
  readonly #startedMs = performance.now();

  /** The share of all processors' time since the start, from 0 to 1; 0 where the system doesn't tell. */
  share(): number {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return (stolenTicks() - this.#ticks) / TICKS_PER_SECOND / seconds / cpus().length;
  }
}

function stolenTicks(): number {
  try {
    // cpu user nice system idle iowait irq softirq steal
    return Number(readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/)[8] ?? 0);
  } catch {
    return 0;
  }
}
