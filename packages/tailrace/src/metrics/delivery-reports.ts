import { HANDLER_ERROR_TOPIC } from '../delivery/line-kinds.ts';
import { type DeliveryReport, OWN_FAILURE_REASON } from '../delivery/types.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Fallback } from './fallback-alerts.ts';
import type { Notices } from './notices.ts';

export interface ReportParts {
  readonly producer: string;
  readonly ledger: Ledger;
  readonly notices: Notices;
  readonly tellFallback: (fallback: Fallback) => void;
  /** Records an event of level error. */
  readonly recordError: (message: string, topic: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Turns what the delivery tells into entries of the ledger, notices, and events about failed sinks. */
export function createReportReader(parts: ReportParts): (report: DeliveryReport) => void {
  const { producer, ledger, notices, tellFallback, recordError } = parts;
  return (report) => {
    switch (report.kind) {
      case 'notice':
        notices.tell(report.code, report.message);
        break;
      // Those of an adopted spool are in the account of whoever wrote it.
      case 'dead':
        if (report.producer === producer) ledger.enterDead(report.route, report.count, report.sequences);
        break;
      case 'skipped':
        if (report.producer === producer) ledger.enterLost(OWN_FAILURE_REASON, report.count, report.sequences);
        break;
      case 'stage':
        tellFallback(report);
        break;
      case 'handler_error': {
        const { route, sink, error, firstLine, suppressed } = report;
        recordError(`sink ${sink} of route ${route} failed: ${error.message}`, HANDLER_ERROR_TOPIC, {
          'handler.sink': sink,
          'handler.route': route,
          'handler.first_event': firstLine,
          'handler.suppressed': suppressed,
          'error.type': error.type,
          'error.message': error.message,
          'error.stack': error.stack,
        });
        break;
      }
    }
  };
}
