import { useEffect } from 'react';
import { useClient } from '../api/api-context.tsx';
import type { DeadChoice, DryRun, ReplayOutcome } from '../api/types.ts';
import { useSettings } from '../shell/settings.tsx';
import { AdminKeyForm } from './admin-key-form.tsx';
import { useAdminCall } from './use-admin-call.ts';

/** Says what a replay would do, does it, and says what it did. */
export function ReplayPanel({ choice, onClose }: { choice: DeadChoice; onClose: () => void }) {
  const { messages } = useSettings();
  const words = messages.dead;
  const client = useClient();
  const dry = useAdminCall((asked: DeadChoice, key) => client.dryRunDead(asked, key), { changes: false });
  const replay = useAdminCall((asked: DeadChoice, key) => client.replayDead(asked, key));
  const ask = dry.start;
  useEffect(() => ask(choice), [ask, choice]);

  const error = dry.error ?? replay.error;
  const call = replay.key === 'fine' ? dry : replay;
  return (
    <section className="dead-panel card" aria-label={words.replayTitle}>
      <h2>{words.replayTitle}</h2>
      {call.key !== 'fine' && <AdminKeyForm isWrong={call.key === 'wrong'} onEnter={call.enterKey} />}
      {error !== null && (
        <p className="fault-text" role="alert">
          {error.message}
        </p>
      )}
      <div role="status">
        {dry.isPending && <p className="muted">{words.asking}</p>}
        {dry.data !== undefined && replay.data === undefined && <DryRunTold run={dry.data} />}
        {replay.data !== undefined && <OutcomeTold outcome={replay.data} />}
      </div>
      <div className="button-row">
        {replay.data === undefined && dry.data !== undefined && (
          <button
            type="button"
            className="button primary"
            disabled={replay.isPending || dry.data.wouldPass + dry.data.wouldBeRefused === 0}
            onClick={() => replay.start(choice)}
          >
            {replay.isPending ? words.replaying : words.replayNow}
          </button>
        )}
        <button type="button" className="button" onClick={onClose}>
          {replay.data === undefined ? words.cancel : words.close}
        </button>
      </div>
    </section>
  );
}

function DryRunTold({ run }: { run: DryRun }) {
  const { messages, locale } = useSettings();
  const words = messages.dead;
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  const { truncated, rounds } = run.skipped;
  return (
    <ul className="dead-outcome">
      <li className={run.wouldPass > 0 ? 'good' : undefined}>{words.wouldPass(n(run.wouldPass))}</li>
      {run.wouldBeRefused > 0 && <li className="warn">{words.wouldBeRefused(n(run.wouldBeRefused))}</li>}
      {truncated > 0 && <li>{words.skippedTruncated(n(truncated))}</li>}
      {rounds > 0 && <li>{words.skippedRounds(n(rounds))}</li>}
    </ul>
  );
}

function OutcomeTold({ outcome }: { outcome: ReplayOutcome }) {
  const { messages, locale } = useSettings();
  const words = messages.dead;
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  return (
    <ul className="dead-outcome">
      <li className={outcome.replayed > 0 ? 'good' : undefined}>{words.replayed(n(outcome.replayed))}</li>
      {outcome.refused > 0 && <li className="warn">{words.refused(n(outcome.refused))}</li>}
      {outcome.stopped !== null && <li className="warn">{words.stopped(n(outcome.left), outcome.stopped)}</li>}
    </ul>
  );
}
