/** The group's places in the topic, and what the topic's retention has taken in front of them. */
import type { Admin } from 'kafkajs';

export interface KafkaPlacesParts {
  readonly admin: () => Promise<Admin>;
  readonly topic: string;
  readonly group: string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/** By partition; the offset is below 0 where the group has no place yet. */
export type GroupPlaces = ReadonlyMap<number, { readonly offset: number; readonly metadata: string | null }>;

export async function fetchPlaces({ topic, group, admin }: KafkaPlacesParts): Promise<GroupPlaces> {
  const [found] = await (await admin()).fetchOffsets({ groupId: group, topics: [topic] });
  return new Map(
    found?.partitions.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), metadata }]),
  );
}

/** The client would begin at what is left, and say nothing. */
export async function tellOfRetention(parts: KafkaPlacesParts): Promise<void> {
  const places = await fetchPlaces(parts);
  const admin = await parts.admin();
  for (const { partition, low } of await admin.fetchTopicOffsets(parts.topic)) {
    const place = places.get(partition)?.offset ?? -1;
    if (place >= 0 && place < Number(low)) tellLost(parts, partition, place, Number(low));
  }
}

export function tellLost({ topic, group, log }: KafkaPlacesParts, partition: number, from: number, to: number): void {
  log(
    'error',
    `topic ${topic}, partition ${partition}: offsets ${from} to ${to - 1} are no longer there, and nobody of group ${group} ` +
      "has acknowledged them: make the topic's retention longer than the writers can be away",
  );
}
