import type { OpenScope } from './open-scope.ts';

/** What remembers its own place among the open ones. */
interface Placed {
  place: number | undefined;
}

/** More aren't remembered, and so not ended with the process. */
const MAX_REMEMBERED = 10_000;

/**
 * The scopes that are open, to be ended with the process.
 *
 * Not a `Set`: V8 replaces the table of one that grows and shrinks all the time, and each old table holds the next one. Once one of them
 * is in the old generation, all that follow survive every collection of the young one, with the scopes in them, until
 * the next full collection (half of all scopes, by measurement).
 */
export class OpenScopes<T extends Placed = OpenScope> {
  readonly #scopes: T[] = [];

  /** How many are remembered. */
  get size(): number {
    return this.#scopes.length;
  }

  add(scope: T): void {
    if (this.#scopes.length < MAX_REMEMBERED) scope.place = this.#scopes.push(scope) - 1;
  }

  /** Forgets a scope that was added, or was one too many. */
  delete(scope: T): void {
    const { place } = scope;
    if (place === undefined) return;
    scope.place = undefined;
    const last = this.#scopes.pop();
    if (last === undefined || last === scope) return;
    this.#scopes[place] = last;
    last.place = place;
  }

  /** Those that are open now: some may end while one looks at them. */
  list(): readonly T[] {
    return [...this.#scopes];
  }
}
