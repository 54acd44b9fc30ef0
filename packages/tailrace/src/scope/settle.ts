/** Runs `fn`, and tells how it ended: at once, or when the promise that it returned has settled. */
export function settle<T>(fn: () => T, succeed: (value: unknown) => void, fail: (error: unknown) => void): T {
  let result: T;
  try {
    result = fn();
  } catch (error) {
    fail(error);
    throw error;
  }
  if (!isThenable(result)) {
    succeed(result);
    return result;
  }
  const settled: unknown = result.then(
    (value) => {
      succeed(value);
      return value;
    },
    (error: unknown) => {
      fail(error);
      throw error;
    },
  );
  // What `then` of a T that is a promise returns is a promise of the same value, which the types can't say.
  return settled as T;
}

/** A value that can't even be looked at (a revoked proxy, a getter that throws) is not a promise. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  try {
    return 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
}
