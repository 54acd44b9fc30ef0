import { ApiError } from '../api/api-error.ts';
import { useMessages } from './settings.tsx';

/** A request that failed, said where its result would have stood. */
export function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { failure } = useMessages();
  const unreachable = error instanceof ApiError && error.status === 0;
  const detail = error instanceof Error ? error.message : String(error);
  return (
    <div className="failure" role="alert">
      <p>
        <strong>{unreachable ? failure.unreachable : failure.title}</strong>
        <span className="muted">
          {error instanceof ApiError && !unreachable && `${failure.status(error.status, error.code)} · `}
          {detail}
        </span>
      </p>
      <button type="button" className="button" onClick={onRetry}>
        {failure.retry}
      </button>
    </div>
  );
}
