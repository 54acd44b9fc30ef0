/** How much there is: from MongoDB's own counts, which cost nothing; on a sharded cluster one for each shard. */
import type { Collection, Document } from 'mongodb';
import type { EventIdentity } from 'tailrace/sinks/mongodb';

const TIMEOUT_MS = 5_000;

export async function readSizes(
  events: Collection<EventIdentity>,
): Promise<{ readonly events: number; readonly bytes: number }> {
  const pipeline = [{ $collStats: { storageStats: {} } }];
  const parts = await events.aggregate<Document>(pipeline, { maxTimeMS: TIMEOUT_MS }).toArray();
  let count = 0;
  let bytes = 0;
  for (const { storageStats } of parts) {
    count += Number(storageStats?.count ?? 0);
    bytes += Number(storageStats?.storageSize ?? 0) + Number(storageStats?.totalIndexSize ?? 0);
  }
  return { events: count, bytes };
}
