import type { SpoolSettings } from '../options.ts';
import type { Spool } from '../spool/types.ts';

const MIB = 1024 * 1024;

/** The share of the spool's bound in use; nearly full where a disk takes nothing. */
export function fillOf(spool: Spool, isSpoolInMemory: boolean, settings: SpoolSettings): number {
  const stats = spool.stats();
  if (stats.stage === 'disk') return stats.bytes / (settings.maxBytes ?? 1024 * MIB);
  const memoryFill = stats.waitingBytes / (settings.memoryBytes ?? 8 * MIB);
  return isSpoolInMemory ? memoryFill : Math.max(0.7, memoryFill);
}
