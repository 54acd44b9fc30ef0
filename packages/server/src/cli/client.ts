/** The commands' way to a server: its address, its keys, and errors that say what to do. */

export interface ClientOptions {
  readonly url: string;
  readonly readKey: string | undefined;
  readonly ingestKey: string | undefined;
  readonly adminKey: string | undefined;
}

/** What a command ends with where it can't do its work. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export type ClientAccess = 'ingest' | 'read' | 'admin';

export interface Client {
  readonly url: string;
  get(path: string, parameters?: Readonly<Record<string, string | number | undefined>>): Promise<unknown>;
  post(path: string, body: unknown, access: ClientAccess): Promise<unknown>;
  put(path: string, body: unknown, access: ClientAccess): Promise<unknown>;
  /** The messages of a stream of server-sent events. */
  stream(
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly event: string; readonly data: string }>;
}

export function createClient(options: ClientOptions): Client {
  const base = options.url.replace(/\/+$/, '');

  const keys = { ingest: options.ingestKey, read: options.readKey, admin: options.adminKey };

  async function send(path: string, init: RequestInit, access: ClientAccess): Promise<Response> {
    const headers = new Headers(init.headers);
    const key = keys[access];
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await fetch(`${base}${path}`, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new CommandError(
        `there is no server at ${base} (${causeOf(error)}): start one with \`tailrace server\`, or give --url`,
        3,
      );
    }
    if (response.ok) return response;
    throw await failureOf(response, access);
  }

  async function sendJson(method: string, path: string, body: unknown, access: ClientAccess): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return (await send(path, { method, headers, body: JSON.stringify(body) }, access)).json();
  }

  return {
    url: base,
    get: async (path, parameters = {}) => (await send(withParameters(path, parameters), {}, 'read')).json(),
    post: (path, body, access) => sendJson('POST', path, body, access),
    put: (path, body, access) => sendJson('PUT', path, body, access),
    async *stream(path, parameters, signal) {
      const response = await send(withParameters(path, parameters), { signal }, 'read');
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        rest += decoder.decode(chunk, { stream: true });
        const messages = rest.split('\n\n');
        rest = messages.pop() ?? '';
        for (const message of messages) {
          const event = /^event: (.*)$/m.exec(message)?.[1] ?? 'message';
          const data = /^data: (.*)$/m.exec(message)?.[1];
          if (data !== undefined) yield { event, data };
        }
      }
    },
  };
}

async function failureOf(response: Response, access: string): Promise<CommandError> {
  const text = await response.text();
  let message = `${response.status} ${response.statusText}`;
  let position: number | undefined;
  try {
    const body: unknown = JSON.parse(text);
    if (isRecord(body) && isRecord(body.error)) {
      if (typeof body.error.message === 'string') message = body.error.message;
      if (typeof body.error.position === 'number') position = body.error.position;
      if (typeof body.error.hint === 'string') message += `\n${body.error.hint}`;
    }
  } catch {
    // Not one of ours: a proxy's page.
  }
  if (response.status === 401) {
    message += `; set TAILRACE_${access.toUpperCase()}_KEY (or TAILRACE_${access.toUpperCase()}_KEY_FILE)`;
  }
  return new CommandError(position === undefined ? message : `${message} (at character ${position + 1})`);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withParameters(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search}`;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.message : String(error);
}
