/** How moments and spans of time are written: in the user's zone, with 24 hours, the same in every language. */

export interface TimeFormat {
  /** `09:32:01.123` */
  clock(ms: number): string;
  /** `11-21 09:32:01.123` */
  dayClock(ms: number): string;
  /** `2026-11-21 09:32:01` */
  dateTime(ms: number): string;
  /** `2026-11-21T09:32:01.123Z`: shown on hover. */
  utc(ms: number): string;
  /** A label on the time axis, as fine as the distance between two labels asks for. */
  tick(ms: number, stepMs: number): string;
  /** `Asia/Seoul (UTC+9)` */
  zone: string;
}

const two = (n: number) => String(n).padStart(2, '0');

export function createTimeFormat(locale: string): TimeFormat {
  const clock = (ms: number) => {
    const date = new Date(ms);
    const seconds = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    return `${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  };
  const monthDay = (date: Date) => `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' });
  return {
    clock,
    dayClock: (ms) => `${monthDay(new Date(ms))} ${clock(ms)}`,
    dateTime(ms) {
      const date = new Date(ms);
      return `${date.getFullYear()}-${monthDay(date)} ${clock(ms).slice(0, 8)}`;
    },
    utc: (ms) => `${new Date(ms).toISOString()} (UTC)`,
    tick(ms, stepMs) {
      const date = new Date(ms);
      const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
      if (stepMs >= 86_400_000 || midnight) return day.format(date);
      return stepMs < 60_000 ? clock(ms).slice(0, 8) : clock(ms).slice(0, 5);
    },
    zone: zoneName(),
  };
}

function zoneName(): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offset = -new Date().getTimezoneOffset();
  const hours = Math.trunc(Math.abs(offset) / 60);
  const minutes = Math.abs(offset) % 60;
  const sign = offset < 0 ? '−' : '+';
  return `${name} (UTC${offset === 0 ? '' : `${sign}${hours}${minutes ? `:${two(minutes)}` : ''}`})`;
}
