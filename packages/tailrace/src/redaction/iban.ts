import { codeAt, isAlphanumeric, isDigit, isLetter } from './characters.ts';
import { byValue, type Finding } from './finding.ts';

/** Length of an IBAN by country, from the register of ISO 13616. */
const LENGTHS = new Map<string, number>();
for (const entry of (
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
  'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 ' +
  'LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 ' +
  'RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
).split(' ')) {
  LENGTHS.set(entry.slice(0, 2), Number(entry.slice(2)));
}

/** Account numbers with a country's length and a right checksum, where two letters and two digits start a word. */
export function findIbans(text: string, add: (finding: Finding) => void): void {
  for (let i = 2; i < text.length - 1; i += 1) {
    if (!isDigit(codeAt(text, i)) || !isDigit(codeAt(text, i + 1))) continue;
    if (!isLetter(codeAt(text, i - 1)) || !isLetter(codeAt(text, i - 2)) || isAlphanumeric(codeAt(text, i - 3)))
      continue;
    const end = findIban(text, i - 2, add);
    if (end > 0) i = end;
  }
}

/** The end of an IBAN that starts here, 0 where none does. Spaces and dashes between its groups are read over. */
function findIban(text: string, start: number, add: (finding: Finding) => void): number {
  const length = LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return 0;
  let account = '';
  let at = start;
  while (account.length < length && at < text.length) {
    const code = codeAt(text, at);
    if (isAlphanumeric(code)) account += text.charAt(at);
    else if (!(code === 32 || code === 45 || code === 0xa0) || !isAlphanumeric(codeAt(text, at + 1))) return 0;
    at += 1;
  }
  if (account.length < length || isAlphanumeric(codeAt(text, at))) return 0;
  const canonical = account.toUpperCase();
  if (!hasIbanChecksum(canonical)) return 0;
  add(byValue(start, at, 'iban', `${canonical.slice(0, 2)}***${canonical.slice(-4)}`, canonical));
  return at;
}

/** ISO 7064, mod 97-10: the first four characters go to the end, letters count from 10, the rest must be 1. */
function hasIbanChecksum(account: string): boolean {
  let rest = 0;
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest === 1;
}
