import { describe, expect, it } from 'vitest';
import { killRounds } from '../faults/kill-rounds.ts';
import { stopServerUnderTraffic } from '../faults/stopped-server.ts';

describe('kill -9 in full traffic', () => {
  it('of the shop, of the server, of both: every event whose write returned is stored once', async () => {
    const lines: string[] = [];
    const report = await killRounds({ rounds: 1, seed: 11, concurrency: 20, say: (line) => lines.push(line) });
    expect(report.faults, lines.join('\n')).toEqual([]);
    expect(report.kills).toBe(3);
    // The run must have been a hard one, or it proves nothing.
    expect(report.unanswered).toBeGreaterThan(0);
    expect(report.promised).toBeGreaterThan(500);
    expect(report.stored).toBeGreaterThanOrEqual(report.promised - report.ownFailures);
    expect(report.producers).toBeGreaterThanOrEqual(3);
  }, 180_000);
});

describe('the server stopped under traffic', () => {
  it('the shop answers as always, and afterwards everything arrives', async () => {
    const lines: string[] = [];
    const report = await stopServerUnderTraffic({
      seconds: 4,
      seed: 5,
      concurrency: 5,
      say: (line) => lines.push(line),
    });
    for (const span of report.spans) {
      expect(span.wrong, lines.join('\n')).toBe(0);
      expect(span.requests).toBeGreaterThan(50);
    }
    // Beside the requests, a few events of the library's own: that its sink failed, and what stood in for it.
    const { kept, dropped } = report.ledger;
    expect(kept - report.requests).toBeLessThan(20);
    expect(report.ledger.stored).toBeGreaterThanOrEqual(report.requests);
    expect(report.ledger).toMatchObject({ stored: kept - dropped, inFlight: 0, dead: 0, missing: 0 });
  }, 180_000);
});
