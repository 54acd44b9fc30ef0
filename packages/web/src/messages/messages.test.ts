import { expect, test } from 'vitest';
import { chooseLanguage, LANGUAGES } from './messages.ts';

test('the browser decides the language, English is the last resort', () => {
  expect(chooseLanguage(['ko-KR', 'en'])).toBe('ko');
  expect(chooseLanguage(['de', 'en-GB', 'ko'])).toBe('en');
  expect(chooseLanguage(['fr'])).toBe('en');
  expect(chooseLanguage([])).toBe('en');
});

test('no word is left empty in any language', () => {
  const empty = (value: unknown, path: string): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => empty(inner, `${path}.${key}`))
      : value === ''
        ? [path]
        : [];
  for (const [name, messages] of Object.entries(LANGUAGES)) expect(empty(messages, name)).toEqual([]);
});
