import type { IncomingMessage } from 'node:http';
import type { ArgumentsHost } from '@nestjs/common';
import { ExceptionsHandler } from '@nestjs/core/exceptions/exceptions-handler.js';

/**
 * Sees every exception of an HTTP request: from guards, pipes, interceptors, handlers, middleware, and unknown routes.
 *
 * Nest gives all of them to one method before it looks for a filter. An exception filter of ours could not do this: of
 * all filters that match only one is called, so ours would either hide the application's or be hidden by it. So the
 * method is watched. It does what it did before, with what it was given.
 */
export type ExceptionListener = (exception: unknown, request: unknown) => void;

const listeners = new Set<ExceptionListener>();
let isWatching = false;

export function listenForExceptions(listener: ExceptionListener): () => void {
  watch();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  const { prototype } = ExceptionsHandler;
  const { next } = prototype;
  prototype.next = function (this: ExceptionsHandler, exception: Error, host: ArgumentsHost): void {
    for (const listener of listeners) {
      try {
        listener(exception, host.getArgByIndex<IncomingMessage>(0));
      } catch {
        // The answer to the client comes first.
      }
    }
    next.call(this, exception, host);
  };
}
