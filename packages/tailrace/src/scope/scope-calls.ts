import type { Logger } from '../logger/logger.ts';
import type { Policy } from '../sampling/index.ts';
import type { Tailrace } from '../tailrace.ts';
import { fetchInScope, noteCallee } from '../trace/callees.ts';
import { identify, outgoingHeaders } from '../trace/trace-identity.ts';
import type { MisuseCode } from './misuse.ts';
import { OpenScope, stepArguments } from './open-scope.ts';
import type { ScopeHost, ScopeIdentity } from './scope.ts';
import { settle } from './settle.ts';

/** What an application calls to open a scope, and wherever it runs inside one. */
export type ScopeCalls = Pick<
  Tailrace,
  | 'run'
  | 'fork'
  | 'startScope'
  | 'scope'
  | 'set'
  | 'error'
  | 'count'
  | 'step'
  | 'outgoingHeaders'
  | 'noteResponse'
  | 'fetch'
>;

export interface ScopeCallParts {
  readonly host: ScopeHost;
  readonly service: string;
  readonly followCaller: boolean;
  readonly policy: Policy;
  /** Takes the errors that are told outside of every scope. */
  readonly log: Logger;
  readonly onOpen: (scope: OpenScope) => void;
}

export function createScopeCalls({ host, service, followCaller, policy, log, onOpen }: ScopeCallParts): ScopeCalls {
  const { storage } = host;

  const open = (fields: object, parent: OpenScope | undefined): OpenScope => {
    const scope = new OpenScope(host, identifyAnyway(fields, parent), fields);
    onOpen(scope);
    return scope;
  };

  /** Fields that name a trace and can't be read are not given. */
  const identifyAnyway = (fields: object, parent: OpenScope | undefined): ScopeIdentity => {
    try {
      return identify(fields, parent, service, followCaller);
    } catch {
      return identify({}, parent, service, followCaller);
    }
  };

  const runIn = <T>(scope: OpenScope, fn: () => T): T =>
    settle(
      () => storage.run(scope, fn),
      () => endOnce(scope),
      (error) => {
        if (!scope.isEnded) scope.error(error);
        endOnce(scope);
      },
    );

  const around = (): OpenScope | undefined => storage.getStore()?.scope;

  const current = (code: MisuseCode): OpenScope | undefined => {
    const scope = around();
    if (scope === undefined) host.misuse(code);
    return scope;
  };

  return {
    run: (fields, fn) => runIn(open(fields, around()), fn),
    fork: (fields, fn) => runIn(open(fields, current('fork_outside_scope')), fn),
    startScope: (fields) => open(fields, around()),
    scope: around,
    set(fields) {
      current('set_outside_scope')?.set(fields);
    },
    error(error, fields) {
      const scope = current('error_outside_scope');
      if (scope !== undefined) scope.error(error, fields);
      else log.error(error, fields);
    },
    count(name, by) {
      current('count_outside_scope')?.count(name, by);
    },
    step<T>(name: string, optionsOrFn: object | (() => T), maybeFn?: () => T): T {
      const [stepOptions, fn] = stepArguments(optionsOrFn, maybeFn);
      const scope = current('step_outside_scope');
      return scope === undefined ? fn() : scope.step(name, stepOptions, fn);
    },
    outgoingHeaders() {
      const scope = around();
      return scope === undefined ? {} : outgoingHeaders(scope, policy);
    },
    noteResponse(headers) {
      const scope = around();
      if (scope !== undefined) noteCallee(scope, headers);
    },
    async fetch(input, init) {
      const scope = around();
      return scope === undefined ? fetch(input, init) : fetchInScope(scope, policy, input, init);
    },
  };
}

function endOnce(scope: OpenScope): void {
  if (!scope.isEnded) scope.end();
}
