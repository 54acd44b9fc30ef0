/**
 * Delivers what applications left in their data folders: the spools of processes that are dead, by the library's own
 * adoption. It takes part in each folder as any application does, with a folder of its own below `spool/`, so the locks of
 * the spools decide who delivers: a spool whose process lives is that process's own affair, and is never touched.
 */
import { join } from 'node:path';
import type { RouteOptions } from 'tailrace';
import { type Delivery, type DeliveryReport, startDelivery } from 'tailrace/delivery';
import { createProducerId } from 'tailrace/event';
import { claimSpool, makeSpoolFolder, openSpool, removeSpool } from 'tailrace/spool';

export interface SpoolCarrier {
  readonly dataDir: string;
  readonly delivery: Delivery;
  /** Stops; what is not delivered stays where it is. */
  close(timeoutMs: number): Promise<void>;
}

/** @throws Error where the folder can't be written. */
export function carrySpools(
  dataDir: string,
  routes: readonly RouteOptions[],
  onReport: (report: DeliveryReport) => void,
): SpoolCarrier {
  const spoolRoot = join(dataDir, 'spool');
  const directory = join(spoolRoot, createProducerId(Date.now(), Math.random));
  makeSpoolFolder(directory);
  const outcome = claimSpool(directory);
  if (outcome.kind === 'held') throw new Error(`${directory} belongs to process ${outcome.pid}`);
  // Nothing is ever written to it; readers need a first segment to wait at.
  const spool = openSpool({ directory });
  const delivery = startDelivery({ spoolRoot, directory, routes, onReport });
  return {
    dataDir,
    delivery,
    async close(timeoutMs) {
      await delivery.close(timeoutMs);
      spool.close();
      await removeSpool(directory).catch(() => false);
      outcome.claim.release();
    },
  };
}
