import {
  type DynamicModule,
  type FactoryProvider,
  HttpException,
  Inject,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
  Scope as ProviderScope,
} from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost, INQUIRER } from '@nestjs/core';
import type { Logger } from '../../logger/logger.ts';
import type { TailraceOptions } from '../../options.ts';
import { createTailrace, type Tailrace } from '../../tailrace.ts';
import { requestScopeOf } from '../request-scope.ts';
import { listenForExceptions } from './exceptions.ts';
import { rawRequestOf, TailraceInterceptor } from './interceptor.ts';
import { TailraceLoggerService } from './logger-service.ts';
import { hookServer } from './server-hook.ts';
import { TAILRACE, TAILRACE_LOGGER, TAILRACE_MODULE_OPTIONS } from './tokens.ts';

export interface TailraceModuleOptions extends TailraceOptions {
  /** A Tailrace that the application made, and closes, itself; the other options of `createTailrace` then mean nothing. */
  readonly instance?: Tailrace;
  /**
   * Whether an exception makes the request's event an error. What isn't one is told in the event all the same.
   *
   * @defaultValue every exception but an `HttpException` with a status below 500; and these, too, where they came out of
   * a step
   */
  readonly isError?: (exception: unknown) => boolean;
}

export interface TailraceModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly inject?: FactoryProvider['inject'];
  // What a factory takes is what `inject` names, which only Nest can know.
  // biome-ignore lint/suspicious/noExplicitAny: as in Nest's own FactoryProvider
  readonly useFactory: (...dependencies: any[]) => TailraceModuleOptions | Promise<TailraceModuleOptions>;
}

/**
 * Tailrace in a Nest application, on Express and Fastify: each request is one event.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     TailraceModule.forRootAsync({
 *       inject: [ConfigService],
 *       useFactory: (config: ConfigService) => ({ service: config.get('SERVICE_NAME') }),
 *     }),
 *   ],
 * })
 * class AppModule {}
 * ```
 */
@Module({})
export class TailraceModule implements NestModule, OnApplicationShutdown {
  readonly #tailrace: Tailrace;
  readonly #options: TailraceModuleOptions;
  readonly #host: HttpAdapterHost;
  #stopListening: (() => void) | undefined;

  constructor(
    @Inject(TAILRACE) tailrace: Tailrace,
    @Inject(TAILRACE_MODULE_OPTIONS) options: TailraceModuleOptions,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
  ) {
    this.#tailrace = tailrace;
    this.#options = options;
    this.#host = host;
  }

  static forRoot(options: TailraceModuleOptions = {}): DynamicModule {
    return moduleWith({ provide: TAILRACE_MODULE_OPTIONS, useValue: options }, []);
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: TailraceModuleAsyncOptions): DynamicModule {
    return moduleWith({ provide: TAILRACE_MODULE_OPTIONS, inject, useFactory }, imports);
  }

  /** Called by Nest before it registers routes: early enough to meet a request before anything else does. */
  configure(): void {
    const { httpAdapter } = this.#host;
    if (httpAdapter === undefined || httpAdapter === null) return;
    hookServer(this.#tailrace, httpAdapter);
    const isError = this.#options.isError ?? isServerError;
    this.#stopListening = listenForExceptions((exception, request) => {
      const raw = rawRequestOf(request);
      const requestScope = raw === undefined ? undefined : requestScopeOf(raw);
      if (requestScope === undefined || requestScope.scope.isEnded) return;
      if (isError(exception)) requestScope.fail(exception);
      else requestScope.scope.refuse(exception);
    });
  }

  /** The HTTP server is closed by now, so no request is left to end. */
  async onApplicationShutdown(): Promise<void> {
    this.#stopListening?.();
    if (this.#options.instance === undefined) await this.#tailrace.close();
    else await this.#tailrace.flush();
  }
}

function moduleWith(options: Provider, imports: NonNullable<ModuleMetadata['imports']>): DynamicModule {
  return {
    module: TailraceModule,
    global: true,
    imports,
    providers: [
      options,
      {
        provide: TAILRACE,
        inject: [TAILRACE_MODULE_OPTIONS],
        useFactory: ({ instance, isError: _isError, ...rest }: TailraceModuleOptions): Tailrace =>
          instance ?? createTailrace(rest),
      },
      {
        provide: TAILRACE_LOGGER,
        scope: ProviderScope.TRANSIENT,
        inject: [TAILRACE, INQUIRER],
        useFactory: (tailrace: Tailrace, inquirer: object | undefined): Logger =>
          inquirer === undefined ? tailrace.log : tailrace.child(inquirer.constructor.name),
      },
      TailraceLoggerService,
      { provide: APP_INTERCEPTOR, useClass: TailraceInterceptor },
    ],
    exports: [TAILRACE, TAILRACE_LOGGER, TailraceLoggerService],
  };
}

function isServerError(exception: unknown): boolean {
  return !(exception instanceof HttpException) || exception.getStatus() >= 500;
}
