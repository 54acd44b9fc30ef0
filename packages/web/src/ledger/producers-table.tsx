import { Fragment, useId, useState } from 'react';
import type { ProducerAccount } from '../api/types.ts';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';

const QUIET_AFTER_MS = 30_000;
const NUMBERS = ['emitted', 'sampledOut', 'kept', 'stored', 'inFlight', 'dead', 'dropped', 'missing'] as const;

export function ProducersTable({ producers }: { producers: readonly ProducerAccount[] }) {
  const { messages } = useSettings();
  const words = messages.ledger;
  return (
    <section className="producers">
      <h2>{words.producers}</h2>
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{words.service}</th>
              <th scope="col">{words.host}</th>
              {NUMBERS.map((name) => (
                <th key={name} scope="col" className="number">
                  {words[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {producers.map((producer) => (
              <ProducerRows key={producer.producer} producer={producer} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ProducerRows({ producer }: { producer: ProducerAccount }) {
  const { messages, locale } = useSettings();
  const words = messages.ledger;
  const [chosen, setChosen] = useState<boolean>();
  const isOpen = chosen ?? producer.missing > 0;
  const detailsId = useId();
  const state = stateOf(producer, Date.now());
  const format = new Intl.NumberFormat(locale);
  return (
    <Fragment>
      <tr className={producer.missing > 0 ? 'has-missing' : undefined}>
        <th scope="row">
          <button
            type="button"
            className="disclosure"
            aria-expanded={isOpen}
            aria-controls={detailsId}
            aria-label={words.details(producer.service ?? producer.producer)}
            onClick={() => setChosen(!isOpen)}
          >
            <Icon name={isOpen ? 'down' : 'right'} />
            {producer.service ?? <code>{producer.producer}</code>}
          </button>
        </th>
        <td>
          {producer.host ?? '–'} <span className={`tag ${state}`}>{words[state]}</span>
        </td>
        {NUMBERS.map((name) => (
          <td key={name} className={`number ${toneOf(name, producer[name])}`}>
            {format.format(producer[name])}
          </td>
        ))}
      </tr>
      <tr id={detailsId} hidden={!isOpen} className="details-row">
        <td colSpan={NUMBERS.length + 2}>{isOpen && <ProducerDetails producer={producer} />}</td>
      </tr>
    </Fragment>
  );
}

/** A producer reports while it emits: one that hasn't for a while is idle, or died. */
function stateOf({ closed, lastSeen }: ProducerAccount, nowMs: number): 'closed' | 'running' | 'quiet' {
  if (closed) return 'closed';
  return nowMs - Date.parse(lastSeen) < QUIET_AFTER_MS ? 'running' : 'quiet';
}

function toneOf(name: (typeof NUMBERS)[number], value: number): string {
  if (name === 'missing') return value > 0 ? 'bad' : 'good';
  return (name === 'dead' || name === 'dropped') && value > 0 ? 'warn' : '';
}

function ProducerDetails({ producer }: { producer: ProducerAccount }) {
  const { messages, time, locale } = useSettings();
  const words = messages.ledger;
  const format = new Intl.NumberFormat(locale);
  const rules = [...new Set([...Object.keys(producer.keptByRule), ...Object.keys(producer.sampledOutByRule)])].sort();
  const losses = [
    ...Object.entries(producer.droppedByReason).map(([name, count]) => [words.dropped, name, count] as const),
    ...Object.entries(producer.deadByRoute).map(([name, count]) => [words.dead, name, count] as const),
  ].filter(([, , count]) => count > 0);
  const moment = (text: string | null) => (text === null ? undefined : Date.parse(text));
  const started = moment(producer.started);
  const lastSeen = moment(producer.lastSeen);
  return (
    <div className="producer-details">
      <p className="muted">
        <code>{producer.producer}</code>
        {producer.pid !== null && ` · pid ${producer.pid}`}
        {started !== undefined && (
          <span title={time.utc(started)}>
            {' '}
            · {words.started} {time.dateTime(started)}
          </span>
        )}
        {lastSeen !== undefined && (
          <span title={time.utc(lastSeen)}>
            {' '}
            · {words.lastSeen} {time.dateTime(lastSeen)}
          </span>
        )}
      </p>
      {!producer.reported && <p className="warning-text">{words.notReported}</p>}
      {producer.missing > 0 && (
        <div className="missing-intervals">
          <strong>{words.missingIntervals}</strong>{' '}
          <code>
            {producer.missingIntervals.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')}
          </code>
        </div>
      )}
      <div className="details-columns">
        {rules.length > 0 && (
          <table>
            <caption>{words.byRule}</caption>
            <thead>
              <tr>
                <th scope="col">{words.rule}</th>
                <th scope="col" className="number">
                  {words.kept}
                </th>
                <th scope="col" className="number">
                  {words.sampledOut}
                </th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule) => (
                <tr key={rule}>
                  <th scope="row">{rule}</th>
                  <td className="number">{format.format(producer.keptByRule[rule] ?? 0)}</td>
                  <td className="number">{format.format(producer.sampledOutByRule[rule] ?? 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <table>
          <caption>{words.byReason}</caption>
          <tbody>
            {losses.length === 0 && (
              <tr>
                <td className="muted">{words.noLoss}</td>
              </tr>
            )}
            {losses.map(([kind, name, count]) => (
              <tr key={`${kind} ${name}`}>
                <th scope="row">
                  {kind}: {name}
                </th>
                <td className="number warn">{format.format(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
