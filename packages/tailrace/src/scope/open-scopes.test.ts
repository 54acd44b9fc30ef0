import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenScopes } from './open-scopes.ts';

interface Named {
  readonly name: number;
  place: number | undefined;
}

test('it has what was added and not deleted, in any order of both, as a Set has', () => {
  const steps = fc.array(fc.record({ name: fc.nat(15), isAdded: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const open = new OpenScopes<Named>();
      const model = new Set<Named>();
      const scopes = Array.from({ length: 16 }, (_, name): Named => ({ name, place: undefined }));
      for (const { name, isAdded } of all) {
        const scope = scopes[name] as Named;
        // A scope is opened once.
        if (isAdded && !model.has(scope)) {
          open.add(scope);
          model.add(scope);
        } else if (!isAdded) {
          open.delete(scope);
          model.delete(scope);
        }
        expect(open.size).toBe(model.size);
        expect(new Set(open.list())).toEqual(model);
      }
    }),
  );
});

test('it remembers ten thousand, and one too many is forgotten without harm', () => {
  const open = new OpenScopes<Named>();
  const scopes = Array.from({ length: 10_001 }, (_, name): Named => ({ name, place: undefined }));
  for (const scope of scopes) open.add(scope);
  expect(open.size).toBe(10_000);
  for (const scope of scopes.toReversed()) open.delete(scope);
  expect(open.list()).toEqual([]);
});
