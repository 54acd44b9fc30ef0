import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCorpus } from './corpus.ts';
import { checkGrowth } from './growth.ts';
import { TARGETS } from './targets/index.ts';

const RUNS = 100;

describe.each(TARGETS.map((target) => [target.name, target] as const))('the reader of %s', (_, target) => {
  it('holds to its law for everything in the corpus', async () => {
    const entries = await readCorpus(target);
    expect(entries.length).toBeGreaterThan(0);
    for (const { name, input } of entries) {
      await expect(
        Promise.resolve(input).then((bytes) => target.check(bytes)),
        name,
      ).resolves.toBeUndefined();
    }
  });

  it('holds to its law for what is drawn', async () => {
    await fc.assert(
      fc.asyncProperty(target.inputs, async (input) => {
        await target.check(input);
      }),
      { numRuns: RUNS },
    );
  });

  it('takes time in proportion to the text', async () => {
    await checkGrowth(target);
  });
});
