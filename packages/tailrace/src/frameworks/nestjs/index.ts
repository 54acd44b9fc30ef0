export {
  type LoggedUser,
  LogRedact,
  LogRequestMeta,
  LogResponseMeta,
  LogUser,
  NoLog,
  SamplingHint,
  Service,
  type UserSelector,
} from './decorators.ts';
export { TailraceInterceptor } from './interceptor.ts';
export { TailraceLoggerService } from './logger-service.ts';
export { TailraceModule, type TailraceModuleAsyncOptions, type TailraceModuleOptions } from './module.ts';
export { TAILRACE, TAILRACE_LOGGER } from './tokens.ts';
