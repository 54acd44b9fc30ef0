/** Drivers are optional: one is imported when the sink that needs it is made, and not before. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A driver that a setting asks for isn't installed. */
export class MissingDriverError extends Error {
  override readonly name = 'MissingDriverError';
  readonly code = 'DRIVER_MISSING';
}

/**
 * Imports a package: the one beside this package, else the one of the application.
 *
 * @param askedBy - the setting or variable that asked for it: `MQ_TYPE=kafka`
 * @throws MissingDriverError in one line, which names the package and who asked for it.
 */
export async function importDriver(name: string, askedBy: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const fromApplication = createRequire(join(process.cwd(), 'application.js'));
  let path: string;
  try {
    path = fromApplication.resolve(name);
  } catch {
    throw new MissingDriverError(`the package ${name} is not installed, and ${askedBy} needs it: npm install ${name}`);
  }
  return import(pathToFileURL(path).href);
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}
