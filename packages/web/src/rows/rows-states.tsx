import { useSettings } from '../shell/settings.tsx';

const SKELETON_ROWS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];

export function RowsSkeleton() {
  const { messages } = useSettings();
  return (
    <div role="status" aria-label={messages.rows.loading} className="rows-skeleton">
      {SKELETON_ROWS.map((key) => (
        <div key={key} className="skeleton skeleton-row" />
      ))}
    </div>
  );
}

interface EmptyProps {
  readonly query: string;
  readonly warnings: readonly string[];
  readonly isLive: boolean;
  readonly onWider: () => void;
  readonly onClear: () => void;
  readonly onLive: () => void;
}

/** Why there is nothing, and what to try. */
export function EmptyRows({ query, warnings, isLive, onWider, onClear, onLive }: EmptyProps) {
  const { messages } = useSettings();
  const words = messages.empty;
  return (
    <div className="empty" role="status">
      <h2>{words.title}</h2>
      <p>{query === '' ? words.none : words.search(query)}</p>
      {warnings.map((warning) => (
        <p key={warning} className="warning-text">
          {warning}
        </p>
      ))}
      <p className="muted">{query === '' ? words.hintSend : words.hintSampling}</p>
      <div className="button-row">
        {query !== '' && (
          <button type="button" className="button" onClick={onClear}>
            {words.tryClear}
          </button>
        )}
        <button type="button" className="button" onClick={onWider}>
          {words.tryWider}
        </button>
        {!isLive && (
          <button type="button" className="button" onClick={onLive}>
            {words.tryLive}
          </button>
        )}
      </div>
    </div>
  );
}

interface FooterProps {
  readonly count: number;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly failed: boolean;
  readonly onMore: () => void;
}

export function RowsFooter({ count, hasMore, isLoading, failed, onMore }: FooterProps) {
  const { messages, locale } = useSettings();
  const words = messages.rows;
  const shown = new Intl.NumberFormat(locale).format(count);
  return (
    <div className="rows-footer">
      <p className="muted">{hasMore ? words.limited(shown) : words.shown(shown)}</p>
      {hasMore && (
        <button type="button" className="button" onClick={onMore} disabled={isLoading}>
          {isLoading ? words.loadingMore : failed ? messages.failure.retry : words.more}
        </button>
      )}
    </div>
  );
}
