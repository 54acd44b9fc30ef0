/** Icons, drawn on a 16 × 16 grid in the colour of the text beside them. They decorate: the words are always there too. */
import type { Outcome } from '../event/event-record.ts';

const PATHS = {
  search: 'M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.500l3.5 3.5',
  close: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 5v3.200l2.2 1.6',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.700M13 2.500V5h-2.5',
  zoomOut: 'M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.500l3.5 3.500M5 7h4',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  link: 'M6.5 9.500l3-3M7 5l1.5-1.500a2.5 2.5 0 0 1 4 4L11 9M9 11l-1.5 1.500a2.5 2.5 0 0 1-4-4L5 7',
  plus: 'M8 3.500v9M3.5 8h9',
  minus: 'M3.5 8h9',
  filter: 'M2.5 4h11M4.5 8h7M6.5 12h3',
  sun: 'M8 5.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.600ZM8 1.500v1.600M8 12.900v1.600M1.5 8h1.600M12.9 8h1.600M3.4 3.400l1.1 1.100M11.5 11.500l1.1 1.100M3.4 12.600l1.1-1.100M11.5 4.500l1.1-1.1',
  moon: 'M13 9.500A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.500Z',
  half: 'M8 2.500a5.5 5.5 0 1 0 0 11ZM8 2.500a5.5 5.5 0 0 1 0 11',
  info: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 7.300v3.500M8 5v.2',
  check: 'M3.5 8.500l3 3 6-7',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Outcomes differ in shape, not in colour alone: a dot, a clock, a cross in a square. */
export function OutcomeIcon({ outcome }: { outcome: Outcome }) {
  return (
    <svg className={`icon outcome-icon outcome-${outcome}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {outcome === 'normal' && <circle cx="8" cy="8" r="2.5" className="filled" />}
      {outcome === 'slow' && <path d={PATHS.clock} />}
      {outcome === 'error' && <path d="M5 2.500h6L13.5 5v6L11 13.500H5L2.5 11V5ZM6 6l4 4M10 6l-4 4" />}
    </svg>
  );
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path d="M5 10c4-3 7-3 11 0s7 3 11 0M5 16.500c4-3 7-3 11 0s7 3 11 0M5 23c4-3 7-3 11 0s7 3 11 0" />
    </svg>
  );
}
