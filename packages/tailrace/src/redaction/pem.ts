import { byValue, type Finding } from './finding.ts';

const BEGIN = '-----BEGIN ';
const END = '-----END ';

/** PEM blocks of every kind; one without an end reaches to the end of the text. */
export function findPemBlocks(text: string, add: (finding: Finding) => void): void {
  let start = text.indexOf(BEGIN);
  while (start >= 0) {
    const foot = text.indexOf(END, start);
    const close = foot < 0 ? -1 : text.indexOf('-----', foot + END.length);
    const end = close < 0 ? text.length : close + 5;
    const head = text.slice(start + BEGIN.length, start + BEGIN.length + 40);
    const label = /^[A-Z0-9 ]+/.exec(head)?.[0].trim() ?? 'PEM';
    add(byValue(start, end, 'pem', `[REDACTED ${label}]`, text.slice(start, end)));
    start = text.indexOf(BEGIN, end);
  }
}
