import { AccessProvider, useAccess } from '../access/access.tsx';
import { KeyForm } from '../access/key-form.tsx';
import { ApiProvider } from '../api/api-context.tsx';
import { DeadScreen } from '../dead/dead-screen.tsx';
import { Explorer } from '../explorer/explorer.tsx';
import { LedgerScreen } from '../ledger/ledger-screen.tsx';
import { useView } from '../state/use-view.ts';
import { ErrorBoundary } from './error-boundary.tsx';
import { Header } from './header.tsx';
import { SettingsProvider, useMessages } from './settings.tsx';

export function App() {
  return (
    <SettingsProvider>
      <AccessProvider>
        <ApiProvider>
          <ErrorBoundary fallback={(error) => <BrokenScreen error={error} />}>
            <Shell />
          </ErrorBoundary>
        </ApiProvider>
      </AccessProvider>
    </SettingsProvider>
  );
}

function Shell() {
  const [view, change] = useView();
  const { state } = useAccess();
  if (state !== 'open') return <KeyForm />;
  return (
    <div className="shell">
      <Header view={view} change={change} />
      {view.screen === 'ledger' && <LedgerScreen />}
      {view.screen === 'dead' && <DeadScreen view={view} change={change} />}
      {view.screen === 'explorer' && <Explorer view={view} change={change} />}
    </div>
  );
}

function BrokenScreen({ error }: { error: unknown }) {
  const { failure } = useMessages();
  return (
    <main className="gate">
      <div className="card gate-card" role="alert">
        <h1>{failure.screen}</h1>
        <pre>{error instanceof Error ? error.message : String(error)}</pre>
        <button type="button" className="button primary" onClick={() => window.location.reload()}>
          {failure.reload}
        </button>
      </div>
    </main>
  );
}
