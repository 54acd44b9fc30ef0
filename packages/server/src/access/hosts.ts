/**
 * Which names a server on loopback answers to. A page of somebody else's can make a browser resolve its own name to
 * 127.0.0.1 (DNS rebinding) and so read a local server; its requests still carry that foreign name in `Host`.
 */

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '::1']);

/** True for an address or name that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host.toLowerCase());
  return LOOPBACK_NAMES.has(name) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) || name.endsWith('.localhost');
}

/** The name in a `Host` header or an origin's authority, without its port; `undefined` where there is none. */
export function hostName(authority: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:/?#@\s]+)(?::\d{1,5})?$/i.exec(authority ?? '');
  return match?.[1] === undefined ? undefined : withoutBrackets(match[1].toLowerCase());
}

/** The host name of an `Origin` header; `undefined` for `null` and for what can't be read. */
export function originName(origin: string): string | undefined {
  return hostName(/^[a-z][a-z0-9+.-]*:\/\/(.*)$/i.exec(origin)?.[1]);
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
