/** Options of a sink arrive in the worker as data of unknown shape: here they become what they should be, or a clear error. */

type OptionType = 'string' | 'number' | 'boolean';
type OptionTypes = { readonly string: string; readonly number: number; readonly boolean: boolean };

/** The options that a sink knows, with their types. */
export type OptionShape = Readonly<Record<string, OptionType>>;
export type ReadOptions<S extends OptionShape> = { readonly [K in keyof S]?: OptionTypes[S[K]] };

/** @throws TypeError naming every option that the sink doesn't know, or that has the wrong type. */
export function readSinkOptions<S extends OptionShape>(sink: string, options: unknown, shape: S): ReadOptions<S> {
  const given: Readonly<Record<string, unknown>> =
    typeof options === 'object' && options !== null ? { ...options } : {};
  const faults: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const type = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (type === undefined) faults.push(`${name} is not an option; the options are ${Object.keys(shape).join(', ')}`);
    else if (value !== undefined && typeof value !== type)
      faults.push(`${name} must be a ${type}, and is a ${typeof value}`);
  }
  if (faults.length > 0) throw new TypeError(`${sink} sink: ${faults.join('; ')}`);
  return given as ReadOptions<S>;
}
