import { useQuery } from '@tanstack/react-query';
import { useClient } from '../api/api-context.tsx';
import type { Ledger, LedgerTotals } from '../api/types.ts';
import { Failure } from '../shell/failure.tsx';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import { FallbacksPanel } from './fallbacks-panel.tsx';
import { ProducersTable } from './producers-table.tsx';
import { type Verdict, verdictOf } from './verdict.ts';
import './ledger.css';

const REFRESH_MS = 2000;

export function useLedger(refreshMs: number) {
  const client = useClient();
  return useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => client.ledger(signal),
    refetchInterval: refreshMs,
    staleTime: 0,
  });
}

export function LedgerScreen() {
  const { messages } = useSettings();
  const words = messages.ledger;
  const { data, error, isPending, refetch } = useLedger(REFRESH_MS);
  return (
    <main className="ledger" id="results">
      <h1>{words.title}</h1>
      <p className="muted ledger-intro">{words.intro}</p>
      {isPending && <div className="skeleton skeleton-panel" role="status" />}
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      <FallbacksPanel producers={data?.producers ?? []} />
      {data !== undefined && <LedgerTold ledger={data} />}
    </main>
  );
}

function LedgerTold({ ledger }: { ledger: Ledger }) {
  const { messages } = useSettings();
  const words = messages.ledger;
  const verdict = verdictOf(ledger);
  return (
    <>
      <section className={`verdict ${verdict.kind}`} aria-labelledby="verdict">
        <VerdictNumber verdict={verdict} missing={ledger.totals.missing} />
        <div>
          <p id="verdict" className="verdict-sentence" role="status">
            <Sentence verdict={verdict} totals={ledger.totals} />
          </p>
          {verdict.kind === 'none' && <p className="muted">{words.emptyHint}</p>}
        </div>
      </section>
      {verdict.kind !== 'none' && (
        <>
          <Equations totals={ledger.totals} />
          <ProducersTable producers={ledger.producers} />
        </>
      )}
    </>
  );
}

function VerdictNumber({ verdict, missing }: { verdict: Verdict; missing: number }) {
  const { messages, locale } = useSettings();
  if (verdict.kind === 'none') return null;
  return (
    <div className="verdict-number">
      <Icon name={verdict.kind === 'missing' ? 'close' : 'check'} />
      <strong>{new Intl.NumberFormat(locale).format(missing)}</strong>
      <span>{messages.ledger.missing}</span>
    </div>
  );
}

function Sentence({ verdict, totals }: { verdict: Verdict; totals: LedgerTotals }) {
  const { messages, locale } = useSettings();
  const words = messages.ledger;
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  switch (verdict.kind) {
    case 'none':
      return words.sentenceNone;
    case 'missing':
      return words.sentenceMissing(n(totals.missing), n(totals.kept));
    case 'moving':
      return words.sentenceMoving(n(totals.kept), n(totals.stored), n(totals.inFlight));
    case 'accounted':
      return words.sentenceAccounted(n(totals.kept), n(totals.stored), n(totals.dead + totals.dropped));
    case 'complete':
      return words.sentenceOk(n(totals.kept), n(totals.stored));
  }
}

/** The two equations of the ledger, each term with its number. */
function Equations({ totals }: { totals: LedgerTotals }) {
  const { messages } = useSettings();
  const words = messages.ledger;
  return (
    <section className="equations" aria-label={words.totals}>
      <div className="equation">
        <Term name={words.emitted} value={totals.emitted} />
        <Sign text="=" />
        <Term name={words.kept} value={totals.kept} />
        <Sign text="+" />
        <Term name={words.sampledOut} value={totals.sampledOut} />
      </div>
      <div className="equation">
        <Term name={words.kept} value={totals.kept} />
        <Sign text="=" />
        <Term name={words.stored} value={totals.stored} />
        <Sign text="+" />
        <Term name={words.inFlight} value={totals.inFlight} />
        <Sign text="+" />
        <Term name={words.dead} value={totals.dead} tone={totals.dead > 0 ? 'warn' : undefined} />
        <Sign text="+" />
        <Term name={words.dropped} value={totals.dropped} tone={totals.dropped > 0 ? 'warn' : undefined} />
        <Sign text="+" />
        <Term name={words.missing} value={totals.missing} tone={totals.missing > 0 ? 'bad' : 'good'} />
      </div>
    </section>
  );
}

function Term({ name, value, tone }: { name: string; value: number; tone?: 'good' | 'warn' | 'bad' | undefined }) {
  const { locale } = useSettings();
  return (
    <span className={tone === undefined ? 'term' : `term ${tone}`}>
      <strong>{new Intl.NumberFormat(locale).format(value)}</strong>
      <span>{name}</span>
    </span>
  );
}

function Sign({ text }: { text: string }) {
  return <span className="sign">{text}</span>;
}
