import { describe, it } from 'vitest';
import { memorySink } from '../sinks/index.ts';
import { sinkContract } from './index.ts';

describe('the contract suite, as other people get it', () => {
  const sink = memorySink();
  const create = () => {
    sink.clear();
    if (sink.kind !== 'main') throw new Error('a memory sink lives on the main thread');
    return sink.sink;
  };
  const delivered = () => sink.events.map((event) => String(event.event_id));
  for (const { name, run } of sinkContract({ create, delivered })) it(name, run);
});
