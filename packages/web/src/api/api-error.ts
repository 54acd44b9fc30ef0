/** A request that failed, in the server's words where it had some. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 where the server could not be reached. */
  readonly status: number;
  readonly code: string;
  /** Character in the search string at which the fault is, from 0. */
  readonly position: number | undefined;
  /** What to try instead. */
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, more: { position?: number; hint?: string } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.position = more.position;
    this.hint = more.hint;
  }
}

/** True where the search itself is wrong, so that trying again is no help. */
export function isSearchFault(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 400;
}

export async function readApiError(response: Response): Promise<ApiError> {
  const fallback = new ApiError(
    response.status,
    `HTTP_${response.status}`,
    response.statusText || `HTTP ${response.status}`,
  );
  try {
    const body: unknown = await response.json();
    const fault = isRecord(body) && isRecord(body.error) ? body.error : body;
    if (!isRecord(fault) || typeof fault.message !== 'string') return fallback;
    const code = typeof fault.code === 'string' ? fault.code : fallback.code;
    return new ApiError(response.status, code, fault.message, {
      ...(typeof fault.position === 'number' ? { position: fault.position } : {}),
      ...(typeof fault.hint === 'string' ? { hint: fault.hint } : {}),
    });
  } catch {
    return fallback;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
