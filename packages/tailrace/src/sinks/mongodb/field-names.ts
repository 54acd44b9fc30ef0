/**
 * Names of attributes as MongoDB's field names, and back. In a path a dot leads into a document, a `$` begins an
 * operator, and BSON ends a name at a NUL; the driver takes `_bsontype` for a type of its own. So these are written as
 * `%` and two hexadecimal digits, as in a URL, and no name of an attribute can mean anything but itself, as a field or in
 * a path.
 */
const MEANINGFUL = /[%.$\0]/g;
const ESCAPED = /%([0-9A-F]{2})/g;
/** `%` is always followed by two digits, so alone it is free for the empty name. */
const EMPTY = '%';

export function escapeName(name: string): string {
  if (name === '') return EMPTY;
  if (name === '__proto__' || name === '_bsontype') return `%5F${name.slice(1)}`;
  return name.replace(
    MEANINGFUL,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

export function unescapeName(name: string): string {
  if (name === EMPTY) return '';
  if (!name.includes('%')) return name;
  return name.replace(ESCAPED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
