import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readYaml } from './read-yaml.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-yaml-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string): unknown {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text);
  return readYaml(file);
}

it('is what the file holds, and nothing where it is empty', () => {
  expect(read('port: 7300\nhosts: [a, b]\n')).toEqual({ port: 7300, hosts: ['a', 'b'] });
  expect(read('# nothing yet\n')).toBeUndefined();
});

it.each([
  ['port: 1\ningestKey: "hunter2\n', "it isn't YAML at line 3, column 1 (missing char)"],
  ['ingestKey: hunter2: hunter2\n', "it isn't YAML at line 1, column 12 (block as implicit key)"],
  ['ingestKey: *hunter2\n', 'an alias in it has no anchor before it, or too much behind it'],
])('of what is wrong it tells the place and no text: %j', (text, message) => {
  expect(() => read(text)).toThrow(new SyntaxError(message));
});

it('prints nothing, whatever the library thinks of it', () => {
  const warn = vi.spyOn(process, 'emitWarning');
  read('? [hunter2]\n: !!js/function hunter2\n');
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
