/** A configuration file. What is wrong with it is told by its place alone, since there may be a secret in that line. */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';

/**
 * What the file holds; `undefined` where it is empty.
 *
 * @throws what the system says of a file that can't be read
 * @throws SyntaxError with line and column where it isn't YAML
 */
export function readYaml(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  try {
    // Its warnings would be printed, with what stands in the file.
    return parse(text, { logLevel: 'error' }) ?? undefined;
  } catch (error) {
    if (!(error instanceof YAMLParseError)) {
      throw new SyntaxError('an alias in it has no anchor before it, or too much behind it');
    }
    const [place] = error.linePos ?? [];
    const where = place === undefined ? '' : ` at line ${place.line}, column ${place.col}`;
    throw new SyntaxError(`it isn't YAML${where} (${error.code.toLowerCase().replaceAll('_', ' ')})`);
  }
}
