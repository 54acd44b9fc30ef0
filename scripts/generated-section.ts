/** A part of a page that a program writes: what stands between `<!-- name: … -->` and `<!-- /name -->`. */

/** The page with its section replaced. @throws Error where the page has no such section. */
export function fillSection(page: string, name: string, content: string): string {
  const section = new RegExp(`(<!-- ${name}:[^\\n]* -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`);
  if (!section.test(page)) throw new Error(`the page has no section <!-- ${name}: … --> to <!-- /${name} -->`);
  return page.replace(section, (_all, start: string, end: string) => `${start}\n${content}\n${end}`);
}

/** A Markdown table; a bar in a cell is escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
